"""What the numbers say about accuracy."""
