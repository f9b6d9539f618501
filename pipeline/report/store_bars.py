"""Parts of bars that show stores side by side, for any number of stores."""

from collections.abc import Mapping, Sequence

import msgspec

from pipeline.report.russian import overlap_title
from transforms.core.stores import Store

# More combinations than this become one part: slivers of a bar cannot be distinguished.
_MOST = 5
_COLOURS = 9


class BarPart(msgspec.Struct, frozen=True):
    """A part of a bar: its words, its number, and the CSS class of its colour."""

    title: str
    count: int
    style: str


def store_parts(counts: Mapping[str, int], stores: Sequence[Store]) -> list[BarPart]:
    """Returns a part for each store, in their order; ``counts`` are by store key."""
    return [
        BarPart(store.key, counts.get(store.key, 0), _store_style(place))
        for place, store in enumerate(stores)
    ]


def overlap_parts(counts: Mapping[tuple[str, ...], int], stores: Sequence[Store]) -> list[BarPart]:
    """Returns golden records by the combination of stores (their keys) that know them.

    Each store alone and all stores together have a part even if it is empty; of the other
    combinations the most frequent have one each, and the rarer ones share the last part. The parts
    stand in the order of the stores, so that neighbours have stores in common where they can.
    """
    places = {store.key: place for place, store in enumerate(stores)}
    styles = {tuple(places): "stores-0"}
    styles |= {(key,): _store_style(place) for key, place in places.items()}
    mixed = sorted(set(counts) - set(styles) - {()}, key=lambda keys: (-counts[keys], keys))
    styles |= {keys: f"stores-{index}" for index, keys in enumerate(mixed[:_MOST], 1)}
    parts = [
        BarPart(overlap_title(keys, len(stores)), counts.get(keys, 0), styles[keys])
        for keys in sorted(styles, key=lambda keys: [places[key] for key in keys])
    ]
    rare = sum(counts.values()) - sum(part.count for part in parts)
    return [*parts, BarPart(overlap_title((), len(stores)), rare, "stores-rest")] if rare else parts


def _store_style(place: int) -> str:
    return f"store-{place % _COLOURS}"
