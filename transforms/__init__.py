"""The way of a record: Beam steps, and below them plain packages without Beam."""
