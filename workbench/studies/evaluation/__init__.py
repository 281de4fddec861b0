"""Studies of what a model can do in each language."""
