"""Study runs: resumable cells, findings computed from numbers, and the report."""
