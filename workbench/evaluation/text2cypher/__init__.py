"""Text2Cypher: queries of a graph, asked in many languages, scored as text and by the rows that they give."""
