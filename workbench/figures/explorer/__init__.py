"""The explorer: results side by side, one head, layer and sentence at a time."""
