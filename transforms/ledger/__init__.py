"""The ledger: all that must outlive a run."""
