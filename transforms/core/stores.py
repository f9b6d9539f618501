"""The stores, as everything behind their cleaners knows them: by key, title and place in the order.

How a store's records are read and cleaned is bound to its key in ``transforms.stores.registry``.
"""

import msgspec


class Store(msgspec.Struct, frozen=True):
    """A store whose companies and contacts are read.

    ``key`` (1 to 16 characters) stands in the ledger and in ``KEY:ID``, ``title`` is what people
    call the store, ``order`` is its place where stores are listed.

    ``last_read_wins`` decides between versions of a row with equal time: True for a store that is
    read as it stands now, so that the version read last is the newest; False for one whose files
    and messages hold copies without an order, where the content decides.
    """

    key: str
    title: str
    order: int
    last_read_wins: bool


STORE_A = Store("A", "store A", 0, last_read_wins=True)
STORE_B = Store("B", "store B", 1, last_read_wins=False)

STORES: tuple[Store, ...] = tuple(sorted((STORE_A, STORE_B), key=lambda store: store.order))
"""All stores, in their order."""

_BY_KEY = {store.key: store for store in STORES}
# Cyrillic letters that look like Latin ones: a keyboard left in Russian writes them.
_LATIN = str.maketrans("АВЕКМНОРСТУХ", "ABEKMHOPCTYX")
_BY_FOLDED_KEY = {store.key.upper(): store for store in STORES}


def store_of(key: str) -> Store:
    """The store with this key.

    Raises:
        KeyError: no store has it.
    """
    return _BY_KEY[key]


def find_store(text: str) -> Store | None:
    """The store whose key a person has typed, in any case and on either keyboard; or None.

    >>> [find_store(text) and find_store(text).key for text in ("A", "b", "в", "C")]
    ['A', 'B', 'B', None]
    """
    return _BY_FOLDED_KEY.get(text.upper().translate(_LATIN))
