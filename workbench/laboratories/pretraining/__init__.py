"""Pretraining from scratch on monolingual and parallel documents in a given order."""
