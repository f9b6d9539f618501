"""Cleaning in several processes returns what cleaning in one does, in its element's time."""

from collections import Counter
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.window import FixedWindows, GlobalWindows, TimestampedValue

from transforms.clean import CleanRows
from transforms.core.records import decode_rows
from transforms.raw_batch import RawBatch
from transforms.stores.two_stores import clean_contact

# More than are held at once, and more than are done in place.
BATCHES, SIZE = 19, 3


class _WithWindow(beam.DoFn):
    def process(self, element: Any, window: Any = beam.DoFn.WindowParam) -> Any:
        for row in decode_rows(element[1]):
            yield int(window.start), row.source_id, row.reason


def contact(number: int) -> dict[str, object]:
    name = "Иванов".encode("cp1251") if number % 5 else b""
    return {"id": number, "last_name": name, "company_id": 7}


@pytest.mark.parametrize("processes", [1, 2])
def test_rows_are_those_of_their_batch_and_its_window(processes: int) -> None:
    batches = [
        TimestampedValue(RawBatch(contact(SIZE * at + one) for one in range(SIZE)), 10 * at)
        for at in range(BATCHES)
    ]
    wanted = [
        (10 * (number // SIZE), str(number), "" if number % 5 else "no_name")
        for number in range(SIZE * BATCHES)
    ]
    assert Counter(reason for *_, reason in wanted) == {"": 45, "no_name": 12}
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        cleaned = (
            pipeline
            | beam.Create(batches, reshuffle=False)
            | beam.Map(lambda batch: batch).with_output_types(RawBatch)
            | beam.WindowInto(FixedWindows(10))
            | CleanRows(clean_contact, processes=processes)
        )
        rows = (cleaned.valid, cleaned.invalid_contacts) | beam.Flatten()
        assert_that(
            rows | beam.ParDo(_WithWindow()) | "All" >> beam.WindowInto(GlobalWindows()),
            equal_to(wanted),
        )
