"""Training of the shipped models: tokenizer, data mixture, pretraining, tuning, evaluation, card."""
