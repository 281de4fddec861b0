"""Self-distillation: a model's own answers in one language, and examples for another made of them."""
