"""Forward passes: recorded once, and run again from a layer on after a change."""
