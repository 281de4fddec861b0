"""Steering over layers and strengths, beside baselines."""
