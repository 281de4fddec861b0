"""What recipes are made of: data, objectives, trainable parts, measures and controls."""
