"""Reading store B's export files: many partners per element, several files at once."""

import codecs
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import BeamIOError, CompressionTypes, FileMetadata
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput

from transforms.clean_batch import clock_bound
from transforms.core.errors import ConfigurationError
from transforms.core.metric_names import READ, REPLACED_CHARACTERS
from transforms.core.process_pool import ProcessCount, collect_less_often, shared_pool
from transforms.core.records import DeadLetter
from transforms.known_originals import KnownOriginals
from transforms.read_files import open_file
from transforms.stores.export.decoding import ENCODINGS, exported_at, is_in_other_encoding
from transforms.stores.export.fast_reader import require_c_backend
from transforms.stores.export.partner_file import PartnerFile

Convert = Callable[..., Any]
"""Makes an element of partners, ``(partners, clock_bound=...)``: see ``clean_partners``."""

# How many times smaller gzip makes an export.
_PACKED = 5


class PartnerFiles(NamedTuple):
    """The converted partners, and a dead letter for each stretch that cannot be read.

    ``remarks`` are for people: how many bytes of which file are not text.
    """

    batches: beam.PCollection
    dead_letters: beam.PCollection[DeadLetter]
    remarks: beam.PCollection[str]


class ReadPartnerFiles(beam.PTransform):
    """Reads the files of store B that the patterns name now, and converts many partners at once.

    ``convert`` makes an element of decoded partners and their file's ``clock_bound``; with
    ``known``, also of the ledger's ``originals``.

    Raises:
        ConfigurationError: naming the option, as ``check_files`` does.
    """

    def __init__(
        self,
        patterns: Sequence[str],
        convert: Convert,
        *,
        encoding: str = "utf-8",
        known: KnownOriginals | None = None,
        processes: ProcessCount = 1,
    ) -> None:
        super().__init__()
        self._files = check_files(patterns, encoding)
        self._fn = _ReadPartnersFn(convert, encoding, known, processes)

    def expand(self, root: beam.pvalue.PBegin) -> PartnerFiles:
        """One file is read by one worker: its JSON cannot be entered in the middle."""
        outputs = (
            root
            | "NameFiles" >> beam.Create(self._files, reshuffle=False)
            | "SpreadFiles" >> beam.Reshuffle()
            | "ReadPartners"
            >> beam.ParDo(self._fn).with_outputs("dead_letters", "remarks", main="batches")
        )
        return PartnerFiles(outputs.batches, outputs.dead_letters, outputs.remarks)


class _ReadPartnersFn(beam.DoFn):
    def __init__(
        self,
        convert: Convert,
        encoding: str,
        known: KnownOriginals | None,
        processes: ProcessCount,
    ) -> None:
        self._convert, self._encoding, self._processes = convert, encoding, processes
        self._known = known
        self._replaced = Metrics.counter(READ, REPLACED_CHARACTERS)

    def setup(self) -> None:
        """Get the processes of this worker."""
        collect_less_often()
        self._pool = shared_pool(self._processes)
        self._originals = self._known.open() if self._known else None

    def teardown(self) -> None:
        """Close the ledger."""
        if self._originals:
            self._originals.close()

    # Without its tag in the type Beam would take an output for one more kind of batch.
    def process(
        self, path: str
    ) -> Iterator[
        Any
        | TaggedOutput[Literal["dead_letters"], DeadLetter]
        | TaggedOutput[Literal["remarks"], str]
    ]:
        with open_file(path) as stream:
            bound = clock_bound(exported_at(stream))
        convert = partial(self._convert, clock_bound=bound)
        if self._originals:
            convert = partial(convert, originals=self._originals)
        file = PartnerFile(partial(open_file, path), path, self._encoding, convert, self._pool)
        for element in file:
            yield (
                TaggedOutput("dead_letters", element)
                if isinstance(element, DeadLetter)
                else element
            )
        if file.replaced:
            self._replaced.inc(file.replaced)
            yield TaggedOutput("remarks", _lost_text(path, file.replaced, self._encoding))


def _lost_text(path: str, count: int, encoding: str) -> str:
    return (
        f"{count:,} characters of {path} are not in {encoding} and were left out; the notes of"
        " their records name the fields (unreadable_characters)"
    )


def check_files(patterns: Sequence[str], encoding: str) -> list[str]:
    """The paths of the files that ``patterns`` name, each once, sorted.

    Raises:
        ConfigurationError: naming ``--store_b_files`` or ``--store_b_encoding``: a pattern that
            names no file, a file that cannot be read, an encoding that store B does not use or
            that a file is plainly not in.
    """
    require_c_backend()
    _check_encoding(encoding)
    paths = sorted({file.path for pattern in patterns for file in _matching(pattern)})
    for path in paths:
        _check_file(path, encoding)
    return paths


def _check_encoding(encoding: str) -> None:
    try:
        is_known = codecs.lookup(encoding).name in ENCODINGS
    except LookupError:
        is_known = False
    if not is_known:
        raise ConfigurationError(
            f"--store_b_encoding: {encoding!r} is not known: use utf-8 or windows-1251"
        )


def json_size(patterns: Sequence[str]) -> int:
    """The bytes of JSON in the files that ``patterns`` name; of packed files an estimate.

    Raises:
        ConfigurationError: a pattern names no file.
    """
    sizes = {
        file.path: file.size_in_bytes * (_PACKED if file.path.endswith(".gz") else 1)
        for pattern in patterns
        for file in _matching(pattern)
    }
    return sum(sizes.values())


def _matching(pattern: str) -> list[FileMetadata]:
    # Beam finds nothing by a pattern without a folder, and a worker may stand in another one.
    whole = pattern if "://" in pattern else str(Path(pattern).absolute())
    try:
        [matched] = FileSystems.match([whole])
    except (BeamIOError, ValueError, OSError):
        raise ConfigurationError(f"--store_b_files: cannot look for {pattern}") from None
    if not matched.metadata_list:
        raise ConfigurationError(f"--store_b_files: no file matches {pattern}")
    return list(matched.metadata_list)


def _check_file(path: str, encoding: str) -> None:
    try:
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
            misread = is_in_other_encoding(stream, encoding)
    except (BeamIOError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "no access"
        raise ConfigurationError(f"--store_b_files: cannot read {path}: {why}") from None
    if misread:
        raise ConfigurationError(
            f"--store_b_encoding: {path} is not in {encoding}: give the other encoding, or read the"
            " files of each encoding in a run of their own"
        )
