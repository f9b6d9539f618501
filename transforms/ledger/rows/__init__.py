"""Source rows: the newest version of each, its outcome, its links and its blocking keys."""
