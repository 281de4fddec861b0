"""Studies of two models."""
