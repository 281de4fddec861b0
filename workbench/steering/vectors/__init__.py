"""What directions and subspaces are made of: states of texts, their moments, chosen layers and strengths."""
