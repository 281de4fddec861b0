"""A study: a question in a file, its analyses over models, corpora and seeds, and the folder in which it is run."""
