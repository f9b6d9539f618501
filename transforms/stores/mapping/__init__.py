"""The mapping: a store's table of the configuration becomes straight code for its records.

Begin with ``cleaners.compile_store``: it returns the cleaners of a store, compiled once in each
process. ``paths`` reads the expressions of the file, ``source_code`` collects the lines of a
function, ``record_code`` writes how a value is read, and ``table_code`` a whole table. What the
written code calls: ``headers`` (id, times, marks), ``companies``, ``contacts``, ``values``.
"""
