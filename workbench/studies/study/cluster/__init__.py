"""Run a study on the machines of a Ray cluster: the engine, and its workers."""
