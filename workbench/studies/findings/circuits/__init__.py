"""What the numbers say about transcoders and circuits."""
