"""What happens without heads: knock-out, pruning, smaller checkpoints."""
