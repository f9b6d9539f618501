"""Store A's tables, read by key ranges."""
