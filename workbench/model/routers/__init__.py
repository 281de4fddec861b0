"""Routers of mixtures of experts: finding, verifying and reading them."""
