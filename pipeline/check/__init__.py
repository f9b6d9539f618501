"""``svod check``: reaches all that the configuration names, and cleans a sample of each store.

Begin with ``command.check``. ``places`` reaches, ``samples`` reads some records of each table,
``fields`` counts what became of each field, ``rendering`` writes lines and the page.
"""
