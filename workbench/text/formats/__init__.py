"""Corpus formats (tables, JSON, folders, data sets), each read into languages and rows."""
