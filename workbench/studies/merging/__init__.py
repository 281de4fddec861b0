"""Studies of two models: what differs between them, and merges against their experts and controls."""
