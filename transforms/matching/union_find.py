"""Union-find: disjoint sets of items, kept as a spanning forest.

The items that share a key are connected through the first of them, so n items cost n steps, not n².
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class UnionFind(Generic[T]):
    """Disjoint sets: each item has one edge towards the root of its component.

    >>> rows = UnionFind.of([[1, 2], [5], [7, 2]])
    >>> rows.connect([9, 5])
    >>> rows.components()
    [[1, 2, 7], [5, 9]]
    """

    def __init__(self) -> None:
        self.parent: dict[T, T] = {}

    @classmethod
    def of(cls, groups: Iterable[Iterable[T]]) -> "UnionFind[T]":
        """Returns the disjoint sets in which the items of each group are connected."""
        sets = cls()
        for group in groups:
            sets.connect(group)
        return sets

    def connect(self, items: Iterable[T]) -> None:
        """Connects all of the items; unknown ones are added."""
        centre: T | None = None
        for item in items:
            root = self.find(self.parent.setdefault(item, item))
            if centre is None:
                centre = root
            elif root != centre:
                self.parent[root] = centre

    def find(self, item: T) -> T:
        """Returns the root of the item's component.

        Raises:
            KeyError: when the item is unknown.
        """
        parent = self.parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def components(self) -> list[list[T]]:
        """Returns the connected components, each sorted, ordered by their first items."""
        components: dict[T, list[T]] = defaultdict(list)
        for item in sorted(self.parent):  # type: ignore[type-var]
            components[self.find(item)].append(item)
        return list(components.values())
