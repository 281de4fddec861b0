"""Answers that a model writes: generation, what is read from a text, and its Result."""
