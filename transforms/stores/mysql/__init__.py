"""Store A's MySQL tables, read by ranges of keys; without Beam.

Begin with ``keyset.Keyset``: it pages through a table, or through the rows that changed since a
moment, over a ``client.Session``. ``cursors`` keeps how far a run has read, ``check.check_store_a``
tries the store before a run, and ``url.StoreUrl`` reads its address.
"""
