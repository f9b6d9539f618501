"""``svod init``: writes a configuration file to begin with.

Begin with ``command.write_configuration``.
"""
