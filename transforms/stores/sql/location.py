"""Where the configuration speaks of a store: what a message names first."""

from typing import NamedTuple

from transforms.configuration.builtin import FIRST_STORE


class StoreLocation(NamedTuple):
    """A store's place in the configuration; ``option`` where an option of the command gives it."""

    key: str
    option: str = ""

    @classmethod
    def of(cls, key: str, variable: str) -> "StoreLocation":
        """Returns the location of a store whose URL is in this environment variable."""
        is_built_in = key == FIRST_STORE and variable == "SVOD_STORE_A"
        return cls(key, "--store_a" if is_built_in else "")

    def url(self, variable: str) -> str:
        """Returns what names the store's URL."""
        return self.option or f"[store.{self.key}] url_env ({variable})"

    def field(self, table: str, field: str) -> str:
        """Returns what names a field of one of its tables."""
        return self.option or f"[store.{self.key}.{table}] {field}"
