"""What happens to a record: the Beam steps, and below them plain packages without Beam."""
