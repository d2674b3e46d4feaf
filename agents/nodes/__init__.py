"""The nodes of the graph, one step of a turn each."""
