"""The eight laboratories, one file each."""
