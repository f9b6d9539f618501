"""``svod plan`` and ``svod apply``: a load written down, and the same load carried out."""
