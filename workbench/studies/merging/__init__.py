"""Studies of two models: merges against their experts and controls, and two checkpoints side by side."""
