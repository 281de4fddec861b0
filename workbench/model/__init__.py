"""Load, check, capture, intervene and rerun: the only room that knows TransformerLens."""
