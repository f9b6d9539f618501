"""Store B's topic in Beam: reading it, writing what it brings, and committing how far it is done.

The clients are in ``transforms.stores.topic``; here are the steps, and the plain classes that they
call. A partition of the topic is read in order; different partitions are read at the same time.

**Bounded** (``svod delta``): ``read_topic.ReadTopic`` finds the partitions with their ends as of
now (``bounded.FindPartitions``), and reads each up to that end (``bounded.ReadRanges``). The rows
go through the bounded graph. When it has loaded them, ``commit_offsets.CommitOffsets`` commits the
ranges that were read::

    FindPartitions ─> ReadRanges ─> clean ─> ... the graph ... ─> CommitOffsets
                          └──────────── positions ─────────────────────^

**Unbounded** (``svod delta --follow`` on an engine that streams): ``unbounded.FollowPartitions``
reads for ever, notices new partitions, and ends when the ledger says so (``stream_watch``). Its
output is cut into windows of some seconds, and one writer brings each of them into the ledger and
the CRM in a new run, and then commits its ranges (``write_windows``, ``window_writer``)::

    FollowPartitions ─> clean ─> windows ─> WriteWindows: run_stages, then commit

Both read by splittable steps: ``restrictions`` holds what Beam asks for (offsets, their tracker),
``partition_steps`` does the reading, without Beam.

A batch of messages is one element, for an element a message costs several times the cleaning.
"""
