"""How the shipped transcoder was made, and its card."""
