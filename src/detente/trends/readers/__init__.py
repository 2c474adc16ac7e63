"""One file for each format people have: what its cells mean in the normal form."""
