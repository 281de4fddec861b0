"""Questions with options: who teaches whom, the items, and the objective on their options."""
