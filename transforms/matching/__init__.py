"""Which rows are one company, which are one person, and which value wins."""
