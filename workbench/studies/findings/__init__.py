"""Findings: sentences computed from the numbers, true for any model; where nothing stands out, they say so."""
