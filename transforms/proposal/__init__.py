"""Proposes a store's mapping by the names of its columns and by what stands in them.

Begin with ``stores.propose_store``. ``names`` knows what columns are called, ``contents`` what
values look like, ``roles`` weighs both, ``relations`` finds which ids point where, ``views`` writes
the views that make columns of fields that are none; ``lines`` and ``rendering`` write the file.
"""
