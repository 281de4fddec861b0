"""Results: make, save and load them; intervals and corrected p-values."""
