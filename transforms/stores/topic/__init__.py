"""Store B's Kafka topic, without Beam; the steps of ``transforms.topic`` read it.

Begin with ``reader.ReaderPool``: it lends a ``PartitionReader``, whose ``read_batch`` returns a
``messages.MessageBatch``. ``events.read_event`` makes an event of a message, and
``events.event_row`` a row of an event. ``offset_commits.OffsetCommits`` moves the group on once the
events are done, ``watermark.StreamWatermark`` says how far the stream's time may go,
``check.check_topic`` tries the topic before a run, and ``client.TopicClient`` wraps librdkafka.
"""
