"""Read a Result: its main variable, strongest cells and provenance."""
