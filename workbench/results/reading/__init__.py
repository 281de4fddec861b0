"""Read a Result: its main variable, the cells that stand out, where it came from."""
