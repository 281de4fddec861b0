"""Texts as tokens: the position of each token in its text."""
