"""Studies of laboratories: what trainings change, by language, beyond their controls."""
