"""What the numbers say of neurons."""
