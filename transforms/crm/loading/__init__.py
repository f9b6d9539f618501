"""Loading: what to create, what to update, and what people have changed meanwhile.

``loader`` takes what is pending in chunks; ``company_loader`` and ``contact_loader`` load a chunk
of one kind. ``items`` writes the items of any kind, ``requisites`` what belongs to companies,
``creates`` creates without doubling, and ``three_way_diff`` decides what to send of an existing
item. Writes go to the portal's ``sink``, notes to the ``journal``.

Another kind of record (an order, say) gets an entry in ``mapping.ENTITY_TYPES``, its fields in
``mapping``, and a loader here that is entered in ``loader.LOADERS``. Fields by configuration belong
into ``desired_item`` of their kind's loader. Items that people have deleted or merged are noticed
where items are written (``items``) and linked (``contact_loader``), and noted in the ``journal``.
What is written in addition to an item, such as a to-do, gets its own writer, like ``requisites``.
"""
