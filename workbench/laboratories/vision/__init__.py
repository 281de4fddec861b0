"""A small model that sees: drawn pictures, a vision tower before a language model, and what it says of them."""
