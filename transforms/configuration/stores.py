"""The stores of a configuration, as the ledger and everything behind the cleaners know them."""

from transforms.configuration.structs import SQL_KINDS, Configuration, StoreTable
from transforms.core.records import COMPANY, CONTACT
from transforms.core.stores import LISTED, WITHDRAWN, Store, Stores


def stores_of(configuration: Configuration) -> Stores:
    """Returns the stores of the file; their order in it says nothing.

    >>> from transforms.configuration.builtin import built_in_configuration
    >>> [store.title for store in stores_of(built_in_configuration())]
    ['store A', 'store B']
    """
    return Stores(_store(key, table) for key, table in configuration.store.items())


def former_keys_of(configuration: Configuration) -> dict[str, str]:
    """Returns the key that a store had before, by its key now."""
    return {
        key: table.renamed_from
        for key, table in configuration.store.items()
        if table.renamed_from is not None
    }


def _store(key: str, table: StoreTable) -> Store:
    return Store(
        key,
        table.title or key,
        table.priority,
        last_read_wins=_is_read_as_it_stands(table),
        state=WITHDRAWN if table.withdrawn else LISTED,
        undated=tuple(
            kind
            for kind, part in ((COMPANY, table.company), (CONTACT, table.contact))
            if part is not None and part.changed_at is None
        ),
        company_store=(table.contact and table.contact.company_store) or "",
    )


def _is_read_as_it_stands(table: StoreTable) -> bool:
    """Whether the store is a database: its rows are what it holds now, not copies of some time."""
    if table.full is not None:
        return table.full.kind in SQL_KINDS
    return table.changes is not None and table.changes.kind == "cursor"
