"""How fast the load is, and how much memory it takes, against the same work without Beam."""
