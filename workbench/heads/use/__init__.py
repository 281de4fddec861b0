"""What heads can be used for: soft masks, transfer, the language of what is written."""
