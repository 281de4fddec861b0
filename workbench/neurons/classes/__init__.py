"""Classes of neurons: LAPE, ternary, expert neurons, PLND."""
