"""From maps to fields: the graph, the propagation, and the exact bounded answers."""
