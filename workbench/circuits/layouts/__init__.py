"""Dictionary files of others, read and written."""
