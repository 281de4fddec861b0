"""The linear model of one pass: attention patterns and norms' denominators are constants, MLP outputs are given."""
