"""Questions about a graph, to be answered by a Cypher query: ours in twelve languages, and published rows."""
