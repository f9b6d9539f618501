"""Consolidation: one company a TIN and one contact a person, made of the ledger's rows."""
