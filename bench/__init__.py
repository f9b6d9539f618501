"""Measures the program: speed and memory, each compared with the same work done in another way."""
