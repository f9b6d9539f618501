"""Binds each store's cleaners to the store's key.

What comes behind the cleaners knows no store by name: it reads the stores from the ledger.

>>> from transforms.configuration.builtin import SECOND_STORE, built_in_configuration
>>> rules = rules_of(built_in_configuration(), SECOND_STORE)
>>> rules.records({"partner": 1000123, "category": "2"}).source_id, rules.ids.full("1000123")
('0001000123', '0001000123')
"""

from collections.abc import Iterator

from transforms.configuration.structs import Configuration
from transforms.core.records import Kind
from transforms.stores.mapping.cleaners import Cleaner, CompiledStore, compile_store


def rules_of(configuration: Configuration, key: str) -> CompiledStore:
    """Returns the cleaners of a store, and how it writes its ids.

    Raises:
        KeyError: the configuration has no such store.
    """
    return compile_store(key, configuration.store[key], company_form(configuration, key))


def company_form(configuration: Configuration, key: str) -> str | None:
    """Returns the form of the ids by which a store's contacts name their companies.

    None where that is the form of the store's own ids.
    """
    contact = configuration.store[key].contact
    named = contact.company_store if contact else None
    company_store = configuration.store.get(named) if named else None
    return company_store.id_form if company_store else None


def cleaners(configuration: Configuration) -> Iterator[tuple[str, Kind, Cleaner]]:
    """Yields each store's cleaner of each kind, with the store's key and the kind.

    ``svod replay`` cleans the originals of refused rows by them.
    """
    for key in sorted(configuration.store):
        for kind, clean in rules_of(configuration, key).cleaners.items():
            yield key, kind, clean
