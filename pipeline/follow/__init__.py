"""``svod delta --follow``: runs in a row, or one streaming job of an engine."""
