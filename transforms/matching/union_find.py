"""Which rows hang together: union-find over stars of keys, kept as a spanning forest.

A key's rows are a star around the first of them, so n rows with one key cost n steps, not n². Two
forests unite to one that says the same as the union of all their stars: a combiner may build them
anywhere and in any order.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Forest(Generic[T]):
    """Union-find: each known item has one edge towards its root.

    >>> forest = Forest[int]()
    >>> forest.star([1, 2]); forest.star([5]); forest.unite(Forest.of([[7, 2]]))
    >>> forest.pieces()
    [[1, 2, 7], [5]]
    """

    def __init__(self) -> None:
        self.parent: dict[T, T] = {}

    @classmethod
    def of(cls, stars: Iterable[Iterable[T]]) -> "Forest[T]":
        """The forest of these stars."""
        forest = cls()
        for star in stars:
            forest.star(star)
        return forest

    def star(self, items: Iterable[T]) -> None:
        """All of them hang together."""
        centre: T | None = None
        for item in items:
            root = self.find(self.parent.setdefault(item, item))
            if centre is None:
                centre = root
            elif root != centre:
                self.parent[root] = centre

    def find(self, item: T) -> T:
        """The root of the item's tree."""
        parent = self.parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def unite(self, other: "Forest[T]") -> None:
        """Take over the other's edges: at most one for each of its items."""
        for item, parent in other.parent.items():
            self.star((parent, item))

    def pieces(self) -> list[list[T]]:
        """The items that hang together, each piece sorted, pieces by their first items."""
        found: dict[T, list[T]] = defaultdict(list)
        for item in sorted(self.parent):  # type: ignore[type-var]
            found[self.find(item)].append(item)
        return list(found.values())
