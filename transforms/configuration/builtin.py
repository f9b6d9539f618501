"""The built-in configuration: the two stores of contracts/stores, in the form of the file."""

import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from transforms.configuration.structs import Configuration

FIRST_STORE, SECOND_STORE = "A", "B"
"""Keys of the built-in stores: the options ``--store_a…`` and ``--store_b_…`` speak of them."""


def built_in_text() -> str:
    """Returns the built-in configuration as text, with its comments."""
    return files(__package__).joinpath("two_stores.toml").read_text("utf-8")


@cache
def built_in_configuration() -> Configuration:
    """Returns the built-in configuration.

    >>> list(built_in_configuration().store)
    ['A', 'B']
    """
    return msgspec.convert(tomllib.loads(built_in_text()), Configuration)
