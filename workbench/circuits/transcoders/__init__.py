"""Transcoders: what they are, how they are trained, and how well they stand in for MLPs."""
