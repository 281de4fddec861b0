"""Two models side by side: their outputs, states, heads, and the states of one put into the other."""
