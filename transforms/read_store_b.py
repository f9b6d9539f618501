"""Reading store B's export files: many partners per element, several files at once."""

import codecs
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput

from transforms.errors import ConfigurationError
from transforms.records import Broken
from transforms.stores.export_file import ENCODINGS, is_misread
from transforms.stores.json_stream import PartnerReader, require_c_backend

Batch = list[dict[str, object]]


class PartnerFiles(NamedTuple):
    """What the files hold: batches of raw partners, and each stretch that cannot be read."""

    partners: beam.PCollection[Batch]
    broken: beam.PCollection[Broken]


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
            | "ReadPartners" >> beam.ParDo(fn).with_outputs("broken", main="partners")
        )
        return PartnerFiles(outputs.partners, outputs.broken)


class _ReadPartnersFn(beam.DoFn):
    def __init__(self, encoding: str, batch: int) -> None:
        self._encoding = encoding
        self._batch = batch
        self._replaced = Metrics.counter("read", "replaced_characters")

    def process(self, path: str) -> Iterator[Batch | TaggedOutput[Literal["broken"], Broken]]:
        require_c_backend()
        # Unpacking is the reader's: it keeps what comes before damage, Beam's would raise.
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
            reader = PartnerReader(stream, path, encoding=self._encoding)
            found = iter(reader)
            while elements := list(islice(found, self._batch)):
                partners: Batch = []
                for element in elements:
                    if isinstance(element, Broken):
                        yield TaggedOutput("broken", element)
                    else:
                        partners.append(element)
                if partners:
                    yield partners
            self._replaced.inc(reader.replaced)


def check_files(patterns: Sequence[str], encoding: str) -> list[str]:
    """The paths of the files that ``patterns`` name, each once, sorted.

    Raises:
        ConfigurationError: naming ``--store_b_files`` or ``--store_b_encoding``: a pattern that
            names no file, a file that cannot be read, an encoding that store B does not use or
            that a file is plainly not in.
    """
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
    try:
        [matched] = FileSystems.match([pattern])
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
