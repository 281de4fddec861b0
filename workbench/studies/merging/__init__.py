"""Studies of two models: merges against their experts and controls."""
