"""One export file of store B: its partners, many at a time, and its dead letters."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, BinaryIO, Generic, TypeVar

from transforms.core.process_pool import ProcessPool
from transforms.core.records import DeadLetter
from transforms.stores.export.fast_reader import UnusualFileError, partner_chunks, read_chunk
from transforms.stores.export.mending_reader import MendingReader
from transforms.stores.two_stores import partner_problem

R = TypeVar("R")
_BATCH_SIZE = 1000


class PartnerFile(Generic[R]):
    """The results of ``function`` for the partners of one file, and the file's dead letters.

    Iterate once. ``function`` is called with many partners at a time, in other processes when
    ``processes`` has any. The file is read once more from its beginning when anything in it is
    unusual: then partners that were already read come twice.
    """

    def __init__(
        self,
        open_file: Callable[[], BinaryIO],
        name: str,
        encoding: str,
        function: Callable[[Iterable[dict[str, Any]]], R],
        processes: ProcessPool,
    ) -> None:
        self._open, self._name, self._encoding = open_file, name, encoding
        self._function, self._processes = function, processes
        self.replaced = 0
        """Number of characters that could not be decoded and became U+FFFD."""

    def __iter__(self) -> Iterator[R | DeadLetter]:
        try:
            with self._open() as stream:
                yield from self._read_fast(stream)
        except UnusualFileError:
            # A partner that comes twice is the same row.
            with self._open() as stream:
                reader = MendingReader(stream, self._name, encoding=self._encoding)
                yield from self._read_mending(reader)

    def _read_fast(self, stream: BinaryIO) -> Iterator[R]:
        chunks = partner_chunks(stream, self._encoding)
        for result in self._processes.map(partial(_apply_to_chunk, self._function), chunks):
            if result is None:
                raise UnusualFileError
            yield result

    def _read_mending(self, reader: MendingReader) -> Iterator[R | DeadLetter]:
        dead_letters: list[DeadLetter] = []
        partners = _partners(reader, dead_letters)
        while batch := list(islice(partners, _BATCH_SIZE)):
            yield self._function(batch)
            yield from dead_letters
            dead_letters.clear()
        yield from dead_letters
        self.replaced = reader.replaced


def _apply_to_chunk(function: Callable[[Iterable[dict[str, Any]]], R], chunk: bytes) -> R | None:
    """Returns ``None`` when anything in the chunk is unusual."""
    try:
        partners = read_chunk(chunk)
    except UnusualFileError:
        return None
    return function(partners)


def _partners(reader: MendingReader, dead_letters: list[DeadLetter]) -> Iterator[dict[str, Any]]:
    """Yields the reader's partners; adds everything else to ``dead_letters``."""
    for element in reader:
        if isinstance(element, DeadLetter):
            dead_letters.append(element)
        elif problem := partner_problem(element):
            dead_letters.append(reader.dead_letter(problem.reason, element))
        else:
            yield element
