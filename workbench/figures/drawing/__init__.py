"""What all figures share: axes, cells, colours, labels, style."""
