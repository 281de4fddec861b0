"""What changing neurons does: knock-out, steering, generation."""
