"""When a circuit is accepted: necessity, sufficiency and invariance over languages."""
