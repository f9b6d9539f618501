"""The plain lines about a finished run that the terminal shows."""

from collections.abc import Iterator, Mapping
from typing import Any

from transforms.core.outcomes import DONE
from transforms.core.stores import Stores

Summary = Mapping[str, Any]

_KINDS = ("companies", "contacts")
_CHANGES = ("created", "updated")


def outcome_lines(summary: Summary, stores: Stores) -> Iterator[str]:
    """The lines that end a run: what was read, refused and loaded, and what to do now.

    ``stores`` have the titles of those that were read.
    """
    yield _read_line(summary["read"], stores)
    for kind in _KINDS:
        yield _kind_line(kind, summary[kind])
    register, crm = summary["register"], summary["crm"]
    yield (
        f"Register: {register['queries']:,} questions; saved by control digits"
        f" {register['saved_by_control_digits']:,}, by memory {register['cached']:,},"
        f" by bulk files {register['bulk']:,}"
    )
    yield f"CRM: {crm['requests']:,} requests, {crm['seconds_waited']:,} s waited for its limits"
    yield from _attention_lines(summary)
    yield _verdict(summary)


def window_line(summary: Summary) -> str:
    """One line on what a window of ``svod delta --follow`` changed; empty for no change."""
    changes = [
        f"{summary[kind][outcome]:,} {kind} {outcome}"
        for kind in _KINDS
        for outcome in (*_CHANGES, "rejected", "not_reached")
        if summary[kind][outcome]
    ]
    if summary["messages"]:
        changes.append(f"{summary['messages']:,} messages that are not events")
    changes += summary["remarks"]
    return f"{summary['finished_at']} {', '.join(changes)}" if changes else ""


def _read_line(read: Mapping[str, Mapping[str, int]], stores: Stores) -> str:
    return "Read: " + "; ".join(
        f"{stores.title(key)}: {counts['companies']:,} companies, {counts['contacts']:,} contacts"
        for key, counts in read.items()
    )


def _kind_line(kind: str, counts: Mapping[str, Any]) -> str:
    refused = sum(counts["invalid"].values())
    waiting = counts.get("deferred", counts.get("waiting", 0))
    line = (
        f"{kind.capitalize()}: {counts['valid']:,} rows good, {refused:,} refused, {waiting:,} wait"
        f" -> {counts['golden']:,} in the base: {counts['created']:,} created,"
        f" {counts['updated']:,} updated, {counts['unchanged']:,} unchanged"
    )
    if counts["rejected"]:
        line += f", {counts['rejected']:,} rejected by the CRM"
    if counts["not_reached"]:
        line += f", {counts['not_reached']:,} not reached"
    return line


def _attention_lines(summary: Summary) -> Iterator[str]:
    """Yields what a person has to look at."""
    if summary["gone"]:
        yield f"Gone: {summary['gone']:,} known rows that their stores no longer have"
    if summary["left"]:
        yield f"Left the base: {summary['left']:,} records"
    for remark in summary["remarks"]:
        yield f"Note: {remark}"
    if pairs := sum(summary["review"].values()):
        yield f"Doubtful: {pairs:,} pairs wait for a judgement; see svod review"
    if orphans := summary["left_base"]:
        yield (
            f"Left over: {orphans:,} records in the CRM have no row in any store any more;"
            " svod reconcile lists them"
        )
    if summary["messages"]:
        yield f"Broken input: {summary['messages']:,} places; see the table invalid_messages"


def _verdict(summary: Summary) -> str:
    if summary["status"] != DONE:
        return "Done, but not complete: the report names what is deferred or rejected; run again."
    if any(summary[kind][outcome] for kind in _KINDS for outcome in _CHANGES):
        return "Done."
    return "Nothing changed: the CRM already holds all of it."
