"""``python -m tests.topic_stream BROKERS TOPIC …``: a topic followed into the ledger, for ever.

The arguments after these go to Beam. A window is committed when the ledger has it: what comes after
that knows nothing of streams.
"""

import logging
import sys

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.window import FixedWindows

from transforms.clean import CleanRows
from transforms.commit_offsets import CommitOffsets
from transforms.ledger.database import open_ledger
from transforms.ledger.runs import start_run
from transforms.read_kafka import ReadKafka
from transforms.remember import RememberBroken, RememberRows
from transforms.secrets import Secret
from transforms.stores.kafka_client import TopicAccess
from transforms.stores.kafka_events import event_row

LEDGER = Secret("SVOD_LEDGER")
WINDOW = 1.0


def count(keys):
    return len(keys[1])


def build(root, access, run):
    partners, broken, positions = (
        collection | f"Window{number}" >> beam.WindowInto(FixedWindows(WINDOW))
        for number, collection in enumerate(root | ReadKafka(access, follow=True))
    )
    cleaned = partners | CleanRows(event_row)
    remembered = cleaned._asdict() | RememberRows(LEDGER, run)
    done = [
        keys | f"Count{number}" >> beam.Map(count).with_output_types(int)
        for number, keys in enumerate(remembered)
    ]
    done.append(broken | RememberBroken(LEDGER, run))
    _ = (positions, done | beam.Flatten()) | CommitOffsets(LEDGER, run, access)


def main():
    logging.getLogger().setLevel(logging.ERROR)
    brokers, topic, *options = sys.argv[1:]
    ledger = open_ledger(LEDGER.value())
    run = start_run(ledger, "stream")
    ledger.close()
    root = beam.Pipeline(options=PipelineOptions(options))
    build(root, TopicAccess(brokers, topic, topic), run)
    root.run().wait_until_finish()


if __name__ == "__main__":
    main()
