"""Measure some of an entry's cells again: one file for each kind of result."""
