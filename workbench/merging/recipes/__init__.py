"""What a merged tensor is made of: maps of layers, sources of weights, what of them remains, and the formulas."""
