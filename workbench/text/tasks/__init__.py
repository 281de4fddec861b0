"""Tasks: contexts with options by language, and their readers."""
