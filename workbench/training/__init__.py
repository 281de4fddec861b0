"""Training of the shipped models: tokenizer, data mixture, pretraining, evaluation, card."""
