"""Routers of mixtures of experts: found, verified and read."""
