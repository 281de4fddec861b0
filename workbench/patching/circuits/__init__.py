"""Circuits: the smallest set of heads and neurons that keeps a task."""
