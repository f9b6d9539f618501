"""Stores in databases (MySQL, MariaDB, PostgreSQL), read by ranges of keys; without Beam.

``check.open_store`` resolves a store of the configuration against the catalogue of its database;
``keyset.Keyset`` then pages through a table, or through the rows that changed since a moment, over
a ``client.Session``. ``cursors`` keeps how far a run has read, and ``check.check_store`` tries the
store before a run. What databases differ in stands in ``dialect``, ``mysql`` and ``postgresql``.
"""
