"""``svod explain``: why a record is in the CRM or is not, and why two rows are one person."""
