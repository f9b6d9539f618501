"""The configuration file: what the stores of a shop are called, and what goes into the portal.

Begin with ``structs``: the file as typed values. Source: contracts/configuration.
"""
