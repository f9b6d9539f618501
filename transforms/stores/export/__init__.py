"""Store B's JSON export files, of any size and broken anywhere; without Beam.

Begin with ``partner_file.PartnerFile``: it reads a file with ``fast_reader``, and once more with
``mending_reader`` when anything in it is unusual. ``decoding`` decompresses and decodes a file,
``json_values`` finds the JSON values in its text.
"""
