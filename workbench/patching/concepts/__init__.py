"""Concepts and languages in translation prompts."""
