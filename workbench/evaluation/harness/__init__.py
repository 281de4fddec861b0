"""lm-eval: tasks written for it, and its logs read back."""
