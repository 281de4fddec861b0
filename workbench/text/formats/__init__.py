"""Formats: what texts come in (tables, JSON, folders, data sets), each read into languages and rows."""
