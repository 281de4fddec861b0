"""What all patching methods share: prompts, metrics, cells, effects, tables."""
