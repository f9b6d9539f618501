"""What is packed inside a graph that is submitted."""

import base64
import bz2
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{60,}={0,2}")


def unpacked(graph: bytes) -> Iterator[bytes]:
    """Yields the graph's bytes, and those of all that is packed inside."""
    yield graph
    for text in _BASE64.findall(graph):
        for unpack in (zlib.decompress, bz2.decompress):
            with suppress(ValueError, OSError, zlib.error):
                yield from unpacked(unpack(base64.b64decode(text)))
