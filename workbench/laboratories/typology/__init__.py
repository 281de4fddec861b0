"""Typology: features of languages, and languages chosen by them."""
