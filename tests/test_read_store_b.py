"""Store B's export files as a Beam step."""

import gzip
import json

import apache_beam as beam
import pytest
from apache_beam.metrics import MetricsFilter
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from pipeline.engine import process_count
from transforms.clean_batch import clean_partners
from transforms.core import process_pool
from transforms.core.errors import ConfigurationError
from transforms.core.records import DeadLetter
from transforms.read_store_b import ReadPartnerFiles, check_files
from transforms.stores.mapping.headers import NO_CLOCK_BOUND


def partners(*numbers):
    return [{"partner": str(number), "category": "1", "last_name": "Иванов"} for number in numbers]


def export(numbers, encoding="utf-8"):
    return json.dumps({"header": {}, "partners": partners(*numbers)}, ensure_ascii=False).encode(
        encoding
    )


def as_they_are(partners, *, clock_bound):
    return list(partners)


def run(patterns, batches, broken, remarks=(), each=as_they_are, **options):
    pipeline = beam.Pipeline(runner=FnApiRunner())
    found = pipeline | "B" >> ReadPartnerFiles(patterns, each, **options)
    assert_that(found.batches, equal_to(batches), label="Batches")
    assert_that(found.dead_letters, equal_to(broken), label="Broken")
    assert_that(found.remarks, equal_to(remarks), label="Remarks")
    result = pipeline.run()
    result.wait_until_finish()
    counters = result.metrics().query(MetricsFilter().with_name("replaced_characters"))["counters"]
    return sum(counter.committed for counter in counters)


def test_files_come_in_batches(tmp_path):
    (tmp_path / "a.json").write_bytes(export(range(5)))
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(export([7])))
    batches = [partners(*range(5)), partners(7)]
    assert run([f"{tmp_path}/a.json", f"{tmp_path}/*.gz"], batches, []) == 0


def test_files_are_read_in_several_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(process_pool, "_IN_PLACE", 1)
    (tmp_path / "b.json").write_bytes(export([7]))
    for name in ("a", "c", "d"):
        (tmp_path / f"{name}.json").write_bytes(export(range(5)))
    many, one = (clean_partners(partners(*n), clock_bound=NO_CLOCK_BOUND) for n in (range(5), [7]))
    run([f"{tmp_path}/*.json"], [*[many] * 3, one], [], each=clean_partners, processes=2)


def test_only_the_local_runner_uses_several_processes_unasked():
    local, other = beam.Pipeline(runner=FnApiRunner()), beam.Pipeline(runner="PrismRunner")
    assert process_count(0, local.runner) == 0
    assert process_count(0, other.runner) == 1
    assert process_count(3, other.runner) == 3


def test_windows_1251(tmp_path):
    (tmp_path / "a.json").write_bytes(export([1], "cp1251"))
    run([f"{tmp_path}/a.json"], [partners(1)], [], encoding="windows-1251")


def test_broken_files_lose_nothing_else(tmp_path):
    whole = export([1, 2])
    (tmp_path / "cut.json").write_bytes(whole[:-2])
    (tmp_path / "odd.json").write_bytes(whole.replace("Иванов".encode(), b"\xff\xfe"))
    (tmp_path / "text.json").write_bytes(b"no JSON")
    odd = [{**partner, "last_name": "\ufffd\ufffd"} for partner in partners(1, 2)]
    replaced = run(
        [f"{tmp_path}/*.json"],
        [partners(1, 2), odd],
        [
            DeadLetter(f"file:{tmp_path}/cut.json", -1, len(whole) - 2, "file_cut", b""),
            DeadLetter(f"file:{tmp_path}/text.json", -1, 0, "not_json", b"no JSON"),
        ],
        [
            f"4 characters of {tmp_path}/odd.json are not in utf-8 and were left out; the notes of"
            " their records name the fields (unreadable_characters)"
        ],
    )
    assert replaced == 4


def test_what_is_no_partner_is_broken_where_it_stands(tmp_path):
    bad = [{"partner": "3", "category": "x"}, {"category": "1"}, [], *partners(4)]
    data = json.dumps({"partners": [*partners(1), *bad]}, ensure_ascii=False).encode()
    (tmp_path / "a.json").write_bytes(data)
    name = f"file:{tmp_path}/a.json"
    ends = [data.index(b'"x"}') + 3, data.index(b'{"category": "1"}') + 16]
    run(
        [f"{tmp_path}/a.json"],
        [partners(1, 4)],
        [
            DeadLetter(name, -1, ends[0], "bad_category", b'{"partner": "3", "category": "x"}'),
            DeadLetter(name, -1, ends[1], "no_partner_number", b'{"category": "1"}'),
            DeadLetter(name, -1, data.index(b"[], "), "broken_partner", b"[], "),
        ],
    )


def test_files_are_sorted_and_named_once(tmp_path):
    for name in ("b.json", "a.json", "c.txt"):
        (tmp_path / name).write_bytes(export([1]))
    patterns = [f"{tmp_path}/b.json", f"{tmp_path}/*.json"]
    assert check_files(patterns, "UTF8") == [f"{tmp_path}/a.json", f"{tmp_path}/b.json"]


def test_a_pattern_may_be_relative(tmp_path, monkeypatch):
    (tmp_path / "a.json").write_bytes(export([1]))
    monkeypatch.chdir(tmp_path)
    assert check_files(["*.json"], "utf-8") == [f"{tmp_path}/a.json"]


def test_pattern_without_files_is_named(tmp_path):
    (tmp_path / "a.json").write_bytes(b"")
    for pattern in (f"{tmp_path}/none.json", f"{tmp_path}/*.gz", "no-such-system://x"):
        with pytest.raises(ConfigurationError) as caught:
            ReadPartnerFiles([f"{tmp_path}/a.json", pattern], as_they_are)
        assert str(caught.value).startswith("--store_b_files: ")
        assert str(caught.value).endswith(pattern)


def test_unreadable_file_is_named(tmp_path):
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "folder.json" / "x").touch()
    with pytest.raises(ConfigurationError) as caught:
        check_files([f"{tmp_path}/folder.json"], "utf-8")
    assert str(caught.value).startswith("--store_b_files: ")
    assert "folder.json" in str(caught.value)


@pytest.mark.parametrize("encoding", ["koi8-r", "no-such", ""])
def test_unknown_encoding_is_named(encoding):
    with pytest.raises(ConfigurationError) as caught:
        check_files([], encoding)
    assert str(caught.value) == (
        f"--store_b_encoding: {encoding!r} is not known: use utf-8 or windows-1251"
    )


def test_wrong_encoding_is_found_before_reading(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(export(range(50), "cp1251"))
    with pytest.raises(ConfigurationError) as caught:
        check_files([str(path)], "utf-8")
    assert str(caught.value).startswith(f"--store_b_encoding: {path} is not in utf-8: ")
    path.write_bytes(export(range(50)))
    with pytest.raises(ConfigurationError):
        check_files([str(path)], "windows-1251")
