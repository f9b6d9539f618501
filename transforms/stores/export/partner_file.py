"""One export file of store B: its partners to whatever is made of them, and what is broken."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, BinaryIO, Generic, TypeVar

from transforms.core.process_pool import ProcessPool
from transforms.core.records import Broken
from transforms.stores.clean_b import unusable
from transforms.stores.export.fast_reader import UnsoundError, chunk_partners, sound_chunks
from transforms.stores.export.mending_reader import PartnerReader

R = TypeVar("R")
_AT_ONCE = 1000


class PartnerFile(Generic[R]):
    """What ``each`` makes of the partners of one file, many of them at a time.

    Iterate once. Elements are what ``each`` gives, and a ``Broken`` for each stretch that cannot be
    read, or that is no partner. ``each`` may run in another process, see ``ProcessPool``. The file
    is opened anew when something in it is unusual: what came before may come twice.
    """

    def __init__(
        self,
        opened: Callable[[], BinaryIO],
        name: str,
        encoding: str,
        each: Callable[[Iterable[dict[str, Any]]], R],
        processes: ProcessPool,
    ) -> None:
        self._open, self._name, self._encoding = opened, name, encoding
        self._each, self._processes = each, processes
        self.replaced = 0
        """How many characters could not be decoded: they became U+FFFD."""

    def __iter__(self) -> Iterator[R | Broken]:
        try:
            with self._open() as stream:
                yield from self._sound(stream)
        except UnsoundError:
            # Read once more from its beginning: a partner that comes twice is the same row.
            with self._open() as stream:
                yield from self._mended(PartnerReader(stream, self._name, encoding=self._encoding))

    def _sound(self, stream: BinaryIO) -> Iterator[R]:
        chunks = sound_chunks(stream, self._encoding)
        for result in self._processes.map(partial(_of_chunk, self._each), chunks):
            if result is None:
                raise UnsoundError
            yield result

    def _mended(self, reader: PartnerReader) -> Iterator[R | Broken]:
        broken: list[Broken] = []
        partners = _usable(reader, broken)
        while batch := list(islice(partners, _AT_ONCE)):
            yield self._each(batch)
            yield from broken
            broken.clear()
        yield from broken
        self.replaced = reader.replaced


def _of_chunk(each: Callable[[Iterable[dict[str, Any]]], R], chunk: bytes) -> R | None:
    """Nothing when the chunk is unsound."""
    try:
        partners = chunk_partners(chunk)
    except UnsoundError:
        return None
    return each(partners)


def _usable(reader: PartnerReader, broken: list[Broken]) -> Iterator[dict[str, Any]]:
    """The reader's partners; what is none goes into ``broken``."""
    for element in reader:
        if isinstance(element, Broken):
            broken.append(element)
        elif problem := unusable(element):
            broken.append(reader.broken_value(problem.reason, element))
        else:
            yield element
