"""Loads: the queue, what was sent to the CRM and holds there, and what the CRM rejects."""
