"""Loading: what to create, what to update, and what people have changed meanwhile.

``loader`` takes what is pending in chunks, ``company_loader`` and ``contact_loader`` load a chunk
of one kind: a new kind of record gets a loader of its own beside them. ``items`` writes the items
of any kind, ``requisites`` what belongs to companies; ``creates`` creates without doubling,
``three_way_diff`` decides what of an existing item is sent. The writes go to the portal's sink,
the notes to the ``journal``.
"""
