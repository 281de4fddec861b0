"""Load a model's files: read, unpack, wrap, place and declare them."""
