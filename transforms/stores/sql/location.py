"""Where the configuration speaks of a store: what a message names first."""

from typing import NamedTuple

from transforms.configuration.builtin import FIRST_STORE
from transforms.configuration.problems import Problem
from transforms.configuration.selection import Reading, changes_url_variable
from transforms.configuration.structs import StoreTable

_FIRST_VARIABLE, _FIRST_OPTION = "SVOD_STORE_A", "--store_a"


class StoreLocation(NamedTuple):
    """A store's place in a configuration file.

    ``origin`` is the file, or the option of the command that gives the store's URL. ``url_key`` and
    ``variable`` name the URL.
    """

    origin: str
    key: str
    url_key: str
    variable: str

    @classmethod
    def of(cls, key: str, store: StoreTable, reading: Reading, file: str) -> "StoreLocation":
        """Returns the location of a store; the built-in one is given by an option."""
        full = store.full.url_env if store.full else None
        variable = full if reading == "full" else changes_url_variable(store)
        table = "full" if variable == full else "changes"
        is_built_in = key == FIRST_STORE and variable == _FIRST_VARIABLE
        origin = _FIRST_OPTION if is_built_in else file
        return cls(origin, key, f"{table}.url_env", variable or "")

    @property
    def url(self) -> str:
        """What names the store's URL."""
        if self.origin == _FIRST_OPTION:
            return _FIRST_OPTION
        return f"{self.origin}: store.{self.key}.{self.url_key} ({self.variable})"

    def problem(self, table: str, field: str, text: str) -> Problem:
        """Returns a problem of a field of one of the store's tables."""
        is_option = self.origin == _FIRST_OPTION
        return Problem("" if is_option else f"store.{self.key}.{table}.{field}", text)
