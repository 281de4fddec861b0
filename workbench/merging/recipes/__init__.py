"""What a merged tensor is made of: maps of layers, differences from the base, and the experts' own weights."""
