"""What changed inside a model that a recipe trained."""
