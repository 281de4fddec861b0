"""What features say of languages, and what changing them does."""
