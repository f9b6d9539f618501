"""Files of any store, of any size and broken anywhere; without Beam.

Begin with ``data_file.DataFile``: it reads the records of one file, many at a time. ``packing``
unpacks it, ``encodings`` and ``text_lines`` make lines of text of it, ``csv_rows`` and
``json_lines`` make records of these.
"""
