"""Quadrants: whom training on one pair of languages helps, the pair or the others."""
