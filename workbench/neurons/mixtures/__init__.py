"""Mixtures of experts: which experts each language's tokens take."""
