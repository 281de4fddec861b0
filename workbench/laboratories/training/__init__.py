"""The loop that trains a recipe."""
