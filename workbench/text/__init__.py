"""Texts: languages, corpora and their readers, word lists, prompt pairs, and batches with masks."""
