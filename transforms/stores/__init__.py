"""The stores: how their rows are read, and how a row is cleaned.

Begin with ``registry``: each store's cleaners by the store's key. ``mapping`` compiles them from
the configuration, so that all stores' rows are alike; ``two_stores`` names those of the built-in
stores. ``sql`` reads tables, ``export`` store B's files and ``topic`` store B's Kafka
topic.
"""
