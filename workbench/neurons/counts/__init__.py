"""How often and how strongly neurons fire."""
