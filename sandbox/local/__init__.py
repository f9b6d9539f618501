"""``./run_local.sh``: stores, services and svod together on this machine."""
