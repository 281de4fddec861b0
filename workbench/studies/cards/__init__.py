"""The cards of the shipped models, measured again."""
