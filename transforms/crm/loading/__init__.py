"""Loading: what to create, what to update, and what people have changed meanwhile."""
