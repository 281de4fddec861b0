"""What every page has: one file without network, its data, its two themes."""
