"""Free answers: what a model writes, and whether it is in the language that was asked for."""
