"""The ledger keeps all that must outlive a run: rows, the base, loads, and the runs themselves."""
