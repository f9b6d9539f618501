"""Pure rules: which rows are one company or one person, and which value survives."""
