"""How options are scored: formats, tokens, and one pass for what they share."""
