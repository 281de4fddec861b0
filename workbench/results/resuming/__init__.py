"""Long runs: one at a time in a folder, stopped without loss, and gone on with."""
