"""Texts as tokens: where each token lies in its text."""
