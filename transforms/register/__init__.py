"""The company register: client, rate, bulk files."""
