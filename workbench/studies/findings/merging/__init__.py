"""What the numbers say about two models."""
