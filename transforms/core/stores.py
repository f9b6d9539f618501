"""The stores, as everything behind their cleaners knows them: key, title, priority.

Which stores there are is said by the configuration. A run writes them into the ledger when it
starts (``transforms.ledger.stores``), and everything behind the cleaners reads them there. How a
store's records are read and cleaned is bound to its key in ``transforms.stores.registry``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from transforms.core.identity import RowKey

StoreState = Literal["listed", "withdrawn", "absent"]
"""What the configuration says of a store: it is read; all its rows are gone; it says nothing."""

LISTED: StoreState = "listed"
WITHDRAWN: StoreState = "withdrawn"
ABSENT: StoreState = "absent"

DEFAULT_PRIORITY = 1

Priorities = Mapping[str, int]
"""The priority of each store by its key; a store that is not there has ``DEFAULT_PRIORITY``."""

EQUAL_PRIORITIES: Final[Priorities] = MappingProxyType({})
"""Those of stores of which none is preferred: their keys decide."""


class Store(msgspec.Struct, frozen=True):
    """A store whose companies and contacts are read.

    ``key`` (1 to 16 characters) stands in the ledger and in ``KEY:ID``, ``title`` is what people
    call the store. Of two equally new values that of the store with the lower ``priority`` wins.

    ``last_read_wins`` decides between versions of a row with equal time: True for a store that is
    read as it stands now, so that the version read last is the newest; False for one whose files
    and messages hold copies without an order, where the content decides.

    ``company_store`` is the key of the store whose companies its contacts name; empty: its own.

    ``undated`` are the kinds of its rows that have no time of change: such a row is as new as the
    run that sees it differ.
    """

    key: str
    title: str
    priority: int = DEFAULT_PRIORITY
    last_read_wins: bool = True
    state: StoreState = LISTED
    undated: tuple[str, ...] = ()
    company_store: str = ""


_REFERENCE = re.compile(r"\s*(\w{1,16})\s*:\s*(\S.*?)\s*", re.S)
# Cyrillic letters that look like Latin ones: a keyboard left in Russian writes them.
_LATIN = str.maketrans("АВЕКМНОРСТУХ", "ABEKMHOPCTYX")


class Stores:
    """Stores by key, in the order of priority and key, whatever order they are given in.

    >>> stores = Stores([Store("shop", "Shop", 2), Store("B", "B"), Store("A", "A")])
    >>> [store.key for store in stores], stores.title("shop"), stores.title("former")
    (['A', 'B', 'shop'], 'Shop', 'former')
    """

    def __init__(self, stores: Iterable[Store] = ()) -> None:
        ordered = sorted(stores, key=lambda store: (store.priority, store.key))
        self._by_key = {store.key: store for store in ordered}
        self._by_folded_key = {_fold(store.key): store for store in reversed(ordered)}

    def __iter__(self) -> Iterator[Store]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def __getitem__(self, key: str) -> Store:
        return self._by_key[key]

    def get(self, key: str) -> Store | None:
        """The store with this key; None when there is none."""
        return self._by_key.get(key)

    def find(self, text: str) -> Store | None:
        """The store whose key a person has typed, in any case and on either keyboard; or None.

        >>> stores = Stores([Store("A", ""), Store("B", ""), Store("shop", "")])
        >>> [store and store.key for store in map(stores.find, ("A", "b", "в", "SHOP", "C"))]
        ['A', 'B', 'B', 'shop', None]
        """
        return self._by_key.get(text) or self._by_folded_key.get(_fold(text))

    def parse_reference(self, text: str) -> RowKey | None:
        """The source row that a person names, with the id as typed; None when ``text`` names none.

        >>> stores = Stores([Store("A", ""), Store("B", "")])
        >>> [stores.parse_reference(text) for text in ("A:17", " в : 2000456 ", "7805746764")]
        [('A', '17'), ('B', '2000456'), None]
        """
        match = _REFERENCE.fullmatch(text)
        store = self.find(match[1]) if match else None
        return (store.key, match[2]) if match and store else None

    def title(self, key: str) -> str:
        """What people call the store; its key when no store has it."""
        store = self._by_key.get(key)
        return store.title if store else key

    def last_read_wins(self, key: str) -> bool:
        """Whether the version of a row that was read last is the newest of those of one time."""
        store = self._by_key.get(key)
        return store is None or store.last_read_wins

    def is_undated(self, key: str, kind: str) -> bool:
        """Whether the store's rows of this kind have no time of change."""
        store = self._by_key.get(key)
        return store is not None and kind in store.undated

    @property
    def priorities(self) -> Priorities:
        """The priorities by key; none where every store has the default."""
        return {store.key: store.priority for store in self if store.priority != DEFAULT_PRIORITY}

    @property
    def listed(self) -> "Stores":
        """Those that the configuration has and that are read."""
        return Stores(store for store in self if store.state == LISTED)


def _fold(key: str) -> str:
    return key.upper().translate(_LATIN)
