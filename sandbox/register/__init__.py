"""A local company register, as strict as the real service."""
