"""``python -m bench.matchers NAME FILE``: one way to match the rows of a file, in this process.

Prints a line of JSON, see ``Matched``; the groups go into ``FILE.NAME``. Reading the rows is not
counted as time, but as memory.
"""

import gc
import multiprocessing
import os
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from bench.people import People
from transforms.matching.blocking import connected_components
from transforms.matching.contacts import Persons, cluster_contacts
from transforms.matching.learning import ENOUGH, learn, sample_of
from transforms.matching.model import DEFAULT, Model
from transforms.matching.profiles import Profile
from transforms.matching.union_find import UnionFind

Profiles = dict[str, Profile]
Groups = list[list[str]]

_PIECES_AT_ONCE = 2000


class Matched(msgspec.Struct, frozen=True):
    """Seconds by the clock and of all cores' work, peak memory in MB, pairs left for judgement."""

    seconds: float
    work: float
    peak: float
    doubts: int = 0


def ours(profiles: Profiles) -> tuple[Groups, int]:
    """The matching of this program on two cores; from enough rows its model is learned, as ever."""
    model = learn(sample_of(profiles), 1) if len(profiles) >= ENOUGH else DEFAULT
    pieces, hot = connected_components(profiles)
    parts = [
        pieces[start : start + _PIECES_AT_ONCE] for start in range(0, len(pieces), _PIECES_AT_ONCE)
    ]
    # The workers are forked: they have the rows already, and must not copy them by looking at them.
    global _work
    _work = partial(_cluster, profiles=profiles, model=model, hot=hot)
    gc.freeze()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = [persons for part in pool.imap(_do, parts) for persons in part]
    groups = [group for persons in found for group in persons.groups]
    return groups, sum(len(persons.doubtful_pairs) for persons in found)


_work: Callable[[Groups], list[Persons]]


def _do(pieces: Groups) -> list[Persons]:
    return _work(pieces)


def _cluster(pieces: Groups, profiles: Profiles, model: Model, hot: set[str]) -> list[Persons]:
    return [cluster_contacts({ref: profiles[ref] for ref in piece}, model, hot) for piece in pieces]


def exact(profiles: Profiles) -> tuple[Groups, int]:
    """Rows with one surname and first name, and a number, a box or a company in common."""
    stars: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for ref, profile in profiles.items():
        name = profile.name
        if len(name.first) > 1 and len(name.last) > 1:
            for key in (*profile.mobiles, *profile.mailboxes, *profile.extensions, *profile.tins):
                stars[key, name.last, name.first].append(ref)
    forest = UnionFind.of([ref] for ref in profiles)
    for star in stars.values():
        forest.connect(star)
    return forest.components(), 0


def splink(profiles: Profiles) -> tuple[Groups, int]:
    """Splink, see ``bench.splink_matching``."""
    from bench.splink_matching import match_by_splink

    return match_by_splink(profiles), 0


MATCHERS = {"svod": ours, "exact keys": exact, "Splink": splink}


def main() -> None:
    """Match what the arguments name."""
    name, file = sys.argv[1:]
    people = msgspec.msgpack.decode(Path(file).read_bytes(), type=People)
    start, before = time.perf_counter(), _work_done()
    groups, doubts = MATCHERS[name](people.profiles)
    seconds, work = time.perf_counter() - start, _work_done() - before
    Path(f"{file}.{name}").write_bytes(msgspec.msgpack.encode(groups))
    print(msgspec.json.encode(Matched(seconds, work, _peak(), doubts)).decode())


def _work_done() -> float:
    # On a busy machine the clock says little.
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _peak() -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
