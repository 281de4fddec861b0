"""Result files: looked at before they are read, and checked while they are."""
