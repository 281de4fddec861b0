"""Knowledge barriers: what is known in one language and not found in another."""
