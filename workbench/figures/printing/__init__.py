"""Figures on paper: sizes in millimetres, fonts in points, and files that hold both."""
