"""The stores: how their rows are read, and how a row is cleaned.

Begin with ``registry``: each store's cleaners by the store's key. ``clean_a`` and ``clean_b`` say
which field of a store's raw record holds what; ``_companies`` and ``_contacts`` then clean the
fields of any store, so that all stores' rows are alike. ``sql`` reads tables,
``export`` store B's files and ``topic`` store B's Kafka topic.
"""
