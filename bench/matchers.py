"""``python -m bench.matchers NAME FILE``: matches the rows of a file by one of the matchers.

Prints a line of JSON, see ``Matched``, and writes the groups into ``FILE.NAME``. Reading the rows
counts as memory, but not as time.
"""

import gc
import multiprocessing
import os
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from bench.people import People
from transforms.core.chunks import chunks
from transforms.matching.blocking import connected_components
from transforms.matching.contacts import Persons, cluster_contacts
from transforms.matching.learning import ENOUGH, learn, sample_of
from transforms.matching.model import DEFAULT, Model
from transforms.matching.profiles import Profile
from transforms.matching.union_find import UnionFind

Profiles = dict[str, Profile]
Groups = list[list[str]]

_COMPONENTS_PER_BATCH = 2000


class Matched(msgspec.Struct, frozen=True):
    """The cost of matching: seconds by the clock and of all cores, and peak memory in MB."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    doubtful_pairs: int = 0


def ours(profiles: Profiles) -> tuple[Groups, int]:
    """Matches as this program does, on two cores; the model is learned if there are enough rows."""
    model = learn(sample_of(profiles), 1) if len(profiles) >= ENOUGH else DEFAULT
    components, hot = connected_components(profiles)
    batches = chunks(components, _COMPONENTS_PER_BATCH)
    # Forked workers share the rows' memory; without freezing, garbage collection would copy it.
    global _work
    _work = partial(_cluster, profiles=profiles, model=model, hot=hot)
    gc.freeze()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        results = [persons for batch in pool.imap(_do, batches) for persons in batch]
    groups = [group for persons in results for group in persons.groups]
    return groups, sum(len(persons.doubtful_pairs) for persons in results)


_work: Callable[[Iterable[list[str]]], list[Persons]]


def _do(components: Sequence[list[str]]) -> list[Persons]:
    return _work(components)


def _cluster(
    components: Iterable[list[str]], profiles: Profiles, model: Model, hot: set[str]
) -> list[Persons]:
    return [
        cluster_contacts({ref: profiles[ref] for ref in component}, model, hot)
        for component in components
    ]


def exact(profiles: Profiles) -> tuple[Groups, int]:
    """Matches rows with the same surname and first name that share a number, mailbox or company."""
    blocks: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for ref, profile in profiles.items():
        name = profile.name
        if len(name.first) > 1 and len(name.last) > 1:
            for key in (*profile.mobiles, *profile.mailboxes, *profile.extensions, *profile.tins):
                blocks[key, name.last, name.first].append(ref)
    rows = UnionFind.of([ref] for ref in profiles)
    for refs in blocks.values():
        rows.connect(refs)
    return rows.components(), 0


def splink(profiles: Profiles) -> tuple[Groups, int]:
    """Matches by Splink, see ``bench.splink_matching``."""
    from bench.splink_matching import match_by_splink

    return match_by_splink(profiles), 0


MATCHERS = {"svod": ours, "exact keys": exact, "Splink": splink}


def main() -> None:
    """Matches by the matcher, and in the file, that the arguments name."""
    name, file = sys.argv[1:]
    people = msgspec.msgpack.decode(Path(file).read_bytes(), type=People)
    start, cpu_start = time.perf_counter(), _cpu_seconds()
    groups, doubtful_pairs = MATCHERS[name](people.profiles)
    seconds, cpu_seconds = time.perf_counter() - start, _cpu_seconds() - cpu_start
    Path(f"{file}.{name}").write_bytes(msgspec.msgpack.encode(groups))
    print(msgspec.json.encode(Matched(seconds, cpu_seconds, _peak_mb(), doubtful_pairs)).decode())


def _cpu_seconds() -> float:
    # On a busy machine the clock tells little.
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _peak_mb() -> float:
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    return int(peak[1]) / 1024


if __name__ == "__main__":
    main()
