"""Measures the program: speed and memory, each beside the same work done another way."""
