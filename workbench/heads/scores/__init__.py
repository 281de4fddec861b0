"""Scores of heads: LAHIS, ablation, search, Shapley values."""
