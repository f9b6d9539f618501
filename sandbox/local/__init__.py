"""``./run_local.sh``: runs stores, services and svod together on this machine."""
