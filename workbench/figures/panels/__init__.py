"""Figures of several panels of one Result."""
