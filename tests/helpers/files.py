"""Files of a store without Beam: read as a worker reads them, in this process."""

import os
from functools import partial
from glob import glob
from io import BytesIO
from pathlib import Path

from transforms.core.process_pool import ProcessPool
from transforms.core.records import DeadLetter
from transforms.stores.files.data_file import DataFile
from transforms.stores.files.parts import FilePart


class LocalFiles:
    def match(self, pattern):
        return sorted(filter(os.path.isfile, glob(pattern)))  # noqa: PTH207

    def open(self, path):
        return Path(path).open("rb")


def as_they_are(records, **_):
    return list(records), []


def read_data(data, kind, problem=lambda record: "", **options):
    """The records and the dead letters of a file with this content."""

    def convert(records):
        usable = [record for record in records if not problem(record)]
        reasons = [(index, problem(record)) for index, record in enumerate(records)]
        return usable, [(index, reason) for index, reason in reasons if reason]

    part = FilePart(path="f", kind=kind, **options)
    file = DataFile(partial(BytesIO, data), part, convert, ProcessPool(1))
    records, dead_letters = [], []
    for element in file:
        if isinstance(element, DeadLetter):
            dead_letters.append(element)
        else:
            records += element
    return records, dead_letters


def reasons(dead_letters):
    return [(letter.reason, letter.raw.decode()) for letter in dead_letters]
