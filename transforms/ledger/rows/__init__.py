"""The newest version of every source row, and by which keys rows find each other."""
