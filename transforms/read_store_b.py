"""Reading store B's export files: many partners per element, several files at once."""

import codecs
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput

from transforms.errors import ConfigurationError
from transforms.raw_batch import RawBatch
from transforms.records import Broken
from transforms.stores.clean_b import UNKNOWN, Handover, unusable
from transforms.stores.export_file import ENCODINGS, exported_at, is_misread
from transforms.stores.json_stream import PartnerReader
from transforms.stores.sound_file import UnsoundError, require_c_backend, sound_partners


class PartnerFiles(NamedTuple):
    """What the files hold: batches of raw partners, and each stretch that cannot be read.

    ``remarks`` are for people: which files hold bytes that are no text, and how many.
    """

    partners: beam.PCollection[RawBatch]
    broken: beam.PCollection[Broken]
    remarks: beam.PCollection[str]


class ReadPartnerFiles(beam.PTransform):
    """Reads the files of store B that the patterns name now, up to ``batch`` partners an element.

    Raises:
        ConfigurationError: naming the option, as ``check_files`` does.
    """

    def __init__(
        self, patterns: Sequence[str], *, encoding: str = "utf-8", batch: int = 1000
    ) -> None:
        super().__init__()
        self._files = check_files(patterns, encoding)
        self._encoding = encoding
        self._batch = batch

    def expand(self, root: beam.pvalue.PBegin) -> PartnerFiles:
        """One file is read by one worker: its JSON cannot be entered in the middle."""
        fn = _ReadPartnersFn(self._encoding, self._batch)
        outputs = (
            root
            | "NameFiles" >> beam.Create(self._files, reshuffle=False)
            | "SpreadFiles" >> beam.Reshuffle()
            | "ReadPartners" >> beam.ParDo(fn).with_outputs("broken", "remarks", main="partners")
        )
        return PartnerFiles(outputs.partners, outputs.broken, outputs.remarks)


class _ReadPartnersFn(beam.DoFn):
    def __init__(self, encoding: str, batch: int) -> None:
        self._encoding = encoding
        self._batch = batch
        self._replaced = Metrics.counter("read", "replaced_characters")

    # The tag stands in the type: Beam would take a bare one for one more kind of batch.
    def process(
        self, path: str
    ) -> Iterator[
        RawBatch | TaggedOutput[Literal["broken"], Broken] | TaggedOutput[Literal["remarks"], str]
    ]:
        told = {"handover": _handover(path)}
        for element in self._read(path):
            if isinstance(element, RawBatch):
                element.told = told
            yield element

    def _read(self, path: str) -> Iterator[RawBatch | TaggedOutput]:
        try:
            with _open(path) as stream:
                yield from _batches(sound_partners(stream, self._encoding), self._batch)
        except UnsoundError:
            # Read once more from its beginning: a partner that comes twice is the same row.
            with _open(path) as stream:
                reader = PartnerReader(stream, path, encoding=self._encoding)
                yield from self._mend(reader)
            if reader.replaced:
                yield TaggedOutput("remarks", _lost_text(path, reader.replaced, self._encoding))

    def _mend(self, reader: PartnerReader) -> Iterator[RawBatch | TaggedOutput]:
        broken: list[Broken] = []
        for batch in _batches(_usable(reader, broken), self._batch):
            yield batch
            yield from map(_tagged, broken)
            broken.clear()
        yield from map(_tagged, broken)
        self._replaced.inc(reader.replaced)


def _handover(path: str) -> Handover:
    """A time that has not come yet is a wrong clock's: the file was made before it."""
    with _open(path) as stream:
        made_at = exported_at(stream)
    now = time.time_ns() // 1000
    return Handover(now, made_at) if made_at <= now else UNKNOWN


def _open(path: str) -> BinaryIO:
    # Unpacking is the readers': they keep what comes before damage, Beam's would raise.
    stream: BinaryIO = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return stream


def _batches(partners: Iterator[dict[str, Any]], size: int) -> Iterator[RawBatch]:
    while batch := RawBatch(islice(partners, size)):
        yield batch


def _usable(reader: PartnerReader, broken: list[Broken]) -> Iterator[dict[str, Any]]:
    """The reader's partners; what is none goes into ``broken``."""
    for element in reader:
        if isinstance(element, Broken):
            broken.append(element)
        elif problem := unusable(element):
            broken.append(reader.broken_value(problem.reason, element))
        else:
            yield element


def _lost_text(path: str, count: int, encoding: str) -> str:
    return (
        f"{count:,} characters of {path} are not in {encoding} and were left out; the notes of"
        " their records name the fields (unreadable_characters)"
    )


def _tagged(broken: Broken) -> TaggedOutput:
    return TaggedOutput("broken", broken)


def check_files(patterns: Sequence[str], encoding: str) -> list[str]:
    """The paths of the files that ``patterns`` name, each once, sorted.

    Raises:
        ConfigurationError: naming ``--store_b_files`` or ``--store_b_encoding``: a pattern that
            names no file, a file that cannot be read, an encoding that store B does not use or
            that a file is plainly not in.
    """
    require_c_backend()
    _check_encoding(encoding)
    paths = sorted({path for pattern in patterns for path in _matching(pattern)})
    for path in paths:
        _check_file(path, encoding)
    return paths


def _check_encoding(encoding: str) -> None:
    try:
        known = codecs.lookup(encoding).name in ENCODINGS
    except LookupError:
        known = False
    if not known:
        raise ConfigurationError(
            f"--store_b_encoding: {encoding!r} is not known: use utf-8 or windows-1251"
        )


def _matching(pattern: str) -> list[str]:
    # Beam finds nothing by a pattern without a folder, and a worker may stand in another one.
    whole = pattern if "://" in pattern else str(Path(pattern).absolute())
    try:
        [matched] = FileSystems.match([whole])
    except (BeamIOError, ValueError, OSError):
        raise ConfigurationError(f"--store_b_files: cannot look for {pattern}") from None
    if not matched.metadata_list:
        raise ConfigurationError(f"--store_b_files: no file matches {pattern}")
    return [file.path for file in matched.metadata_list]


def _check_file(path: str, encoding: str) -> None:
    try:
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
            misread = is_misread(stream, encoding)
    except (BeamIOError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "no access"
        raise ConfigurationError(f"--store_b_files: cannot read {path}: {why}") from None
    if misread:
        raise ConfigurationError(
            f"--store_b_encoding: {path} is not in {encoding}: give the other encoding, or read the"
            " files of each encoding in a run of their own"
        )
