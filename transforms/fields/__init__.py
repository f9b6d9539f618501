"""The cleaning rules, one module per field; the doctests are their specification.

A field's ``parse`` takes any JSON value, never raises, and returns the clean value and a ``Note``
for each part that it left out or repaired. ``text`` has what the fields share, ``placeholders`` the
words and digits that stand for no value. A rule does not know the store that a value comes from.
"""
