"""Edges between parts of a model."""
