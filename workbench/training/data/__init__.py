"""What a model reads in training."""
