"""Long runs: one at a time per folder, interruptible and resumable without loss."""
