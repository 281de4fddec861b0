"""Which layers to train: a score of each, and the best window of them."""
