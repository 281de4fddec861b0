"""Scores of steered responses."""
