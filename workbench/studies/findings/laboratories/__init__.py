"""What the numbers of laboratories say."""
