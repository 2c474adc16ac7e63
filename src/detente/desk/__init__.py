"""The desk: the web console of a node, for the people of its watch."""
