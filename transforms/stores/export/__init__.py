"""Store B's JSON export files."""
