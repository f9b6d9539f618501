"""One export file in one process and in several: the same rows, the same broken stretches."""

import io
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.store_b import write_store_b
from sandbox.world.world import World
from transforms.clean_batch import CleanBatch, clean_partners
from transforms.core import process_pool
from transforms.core.process_pool import ProcessPool
from transforms.core.records import DeadLetter, Row, decode_rows
from transforms.stores.export import partner_file
from transforms.stores.export.fast_reader import partner_chunks
from transforms.stores.export.partner_file import PartnerFile
from transforms.stores.mapping.headers import NO_CLOCK_BOUND


@pytest.fixture(scope="module")
def small_chunks():
    """Many chunks of a small file, none of them read here when there are several processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process_pool, "_IN_PLACE", 0)
        patch.setattr(partner_file, "partner_chunks", partial(partner_chunks, size=5000))
        yield


@pytest.fixture(scope="module")
def two(small_chunks: None):
    pool = ProcessPool(2)
    yield pool
    pool.close()


def cleaned(data: bytes, pool: ProcessPool) -> tuple[int, list[Row], list[DeadLetter]]:
    read, rows, broken = 0, [], []
    clean = partial(clean_partners, clock_bound=NO_CLOCK_BOUND)
    for found in PartnerFile(partial(io.BytesIO, data), "x", "utf-8", clean, pool):
        if isinstance(found, DeadLetter):
            broken.append(found)
        else:
            read += found.read
            rows += [row for part in found.parts for row in decode_rows(part.rows)]
    return read, rows, broken


def test_several_processes_make_the_same_rows(two: ProcessPool, tmp_path: Path):
    [path] = write_store_b(World(1, 0.001), tmp_path, files=1)
    data = path.read_bytes()
    found = cleaned(data, two)
    assert found == cleaned(data, ProcessPool(1))
    assert found[0] == len(found[1]) == len(json.loads(data)["partners"])
    assert len(two._idle) == 2


PARTNERS = [
    {"partner": str(number), "category": "1", "last_name": "Иванов", "phones": ["8-921-1234567"]}
    for number in range(300)
]


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_damage_has_the_same_consequences(two: ProcessPool, data: st.DataObject):
    text = json.dumps({"header": {}, "partners": PARTNERS}, ensure_ascii=False).encode()
    at = data.draw(st.integers(0, len(text)))
    put = data.draw(st.sampled_from([b"", b'"', b"{", b"]", b",17", b'{"partner": "1"},']))
    damaged = text[:at] + put + text[at + data.draw(st.integers(0, 3)) :]
    read, rows, broken = cleaned(damaged, two)
    # What stood in sound chunks before the damage comes twice: the same rows.
    alone = cleaned(damaged, ProcessPool(1))
    assert set(rows) == set(alone[1])
    assert read == len(rows) >= len(set(rows))
    assert broken == alone[2]


def test_what_each_gives_is_passed_on():
    opened = partial(io.BytesIO, json.dumps({"partners": PARTNERS}).encode())
    found: list[Any] = list(PartnerFile(opened, "x", "utf-8", len, ProcessPool(1)))
    assert sum(found) == 300
    assert len(CleanBatch(3, [])) == 3
