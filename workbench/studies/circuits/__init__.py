"""Studies of transcoders and circuits."""
