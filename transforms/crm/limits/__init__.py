"""The portal's limits: requests a second, operating time, and what a request may hold."""
