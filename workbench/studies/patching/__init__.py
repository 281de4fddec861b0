"""Studies of activation patching."""
