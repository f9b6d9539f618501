"""Files of a store as a Beam step."""

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from tests.helpers.files import as_they_are
from transforms.core.records import DeadLetter
from transforms.read_files import BeamFiles, ReadFiles
from transforms.stores.files.parts import FilePart


def test_files_come_in_batches(tmp_path):
    a, b = tmp_path / "a.csv", tmp_path / "b.jsonl"
    a.write_bytes("id;x\n1;я\n2\n".encode())
    b.write_bytes(b'{"id": "\xff"}\n')
    parts = [FilePart(path=str(a), kind="csv"), FilePart(path=str(b), kind="jsonl")]
    pipeline = beam.Pipeline(runner=FnApiRunner())
    read = pipeline | ReadFiles(parts, as_they_are)
    expected = [[{"id": "1", "x": "я"}], [{"id": "\ufffd"}]]
    assert_that(read.batches, equal_to(expected), label="Batches")
    broken = [DeadLetter(f"file:{a}", -1, 10, "wrong_cell_count", b"line 3: 2")]
    assert_that(read.dead_letters, equal_to(broken), label="Broken")
    remark = (
        f"1 characters of {b} are not in utf-8 and were left out; the notes of their records name"
        " the fields (unreadable_characters)"
    )
    assert_that(read.remarks, equal_to([remark]), label="Remarks")
    pipeline.run().wait_until_finish()


def test_files_are_those_of_beam(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_bytes(b"id")
    monkeypatch.chdir(tmp_path)
    files = BeamFiles()
    assert files.match("*.csv") == [f"{tmp_path}/a.csv"]
    assert files.match("*.gz") == []
    with files.open(f"{tmp_path}/a.csv") as stream:
        assert stream.read() == b"id"
    for use, name in ((files.match, "no-such-system://x"), (files.open, f"{tmp_path}/b.csv")):
        with pytest.raises(OSError):
            use(name)
