"""One module per field: its rule, as plain functions with doctests."""
