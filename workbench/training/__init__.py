"""How the shipped models were made: tokenizer, mixture, pretraining, evaluation, card."""
