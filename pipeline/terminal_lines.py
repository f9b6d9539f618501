"""What a run came to, in a few plain lines for the terminal."""

from collections.abc import Iterator
from typing import Any

from transforms.core.stores import store_of


def outcome_lines(summary: dict[str, Any]) -> Iterator[str]:
    """The lines that end a run: what was read, refused, loaded, and what to do now."""
    read = summary["read"]
    yield "Read: " + "; ".join(
        f"{store_of(key).title}: {counts['companies']:,} companies, {counts['contacts']:,} contacts"
        for key, counts in read.items()
    )
    for kind in ("companies", "contacts"):
        yield _kind_line(kind, summary[kind])
    register, crm = summary["register"], summary["crm"]
    yield (
        f"Register: {register['queries']:,} questions; saved by control digits"
        f" {register['saved_by_control_digits']:,}, by memory {register['cached']:,},"
        f" by bulk files {register['bulk']:,}"
    )
    yield f"CRM: {crm['requests']:,} requests, {crm['seconds_waited']:,} s waited for its limits"
    yield from _verdict(summary)


def window_line(summary: dict[str, Any]) -> str:
    """What a window of ``svod delta --follow`` came to; nothing when it changed nothing."""
    told = [
        f"{summary[kind][outcome]:,} {kind} {outcome}"
        for kind in ("companies", "contacts")
        for outcome in ("created", "updated", "rejected", "not_reached")
        if summary[kind][outcome]
    ]
    if summary["messages"]:
        told.append(f"{summary['messages']:,} messages that are none")
    told += summary["remarks"]
    at = summary["finished_at"]
    return f"{at} {', '.join(told)}" if told else ""


def _kind_line(kind: str, counts: dict[str, Any]) -> str:
    refused = sum(counts["invalid"].values())
    waits = counts.get("deferred", counts.get("waiting", 0))
    line = (
        f"{kind.capitalize()}: {counts['valid']:,} rows good, {refused:,} refused, {waits:,} wait"
        f" -> {counts['golden']:,} in the base: {counts['created']:,} created,"
        f" {counts['updated']:,} updated, {counts['unchanged']:,} unchanged"
    )
    if counts["rejected"]:
        line += f", {counts['rejected']:,} rejected by the CRM"
    if counts["not_reached"]:
        line += f", {counts['not_reached']:,} not reached"
    return line


def _verdict(summary: dict[str, Any]) -> Iterator[str]:
    for remark in summary["remarks"]:
        yield f"Note: {remark}"
    if waiting := sum(summary["review"].values()):
        yield f"Doubtful: {waiting:,} pairs wait for somebody's judgement; see svod review"
    if left := summary["left_base"]:
        yield (
            f"Left over: {left:,} records in the CRM that no row of a store stands for any more;"
            " svod reconcile lists them"
        )
    if summary["messages"]:
        yield f"Broken input: {summary['messages']:,} places; see the table invalid_messages"
    if summary["status"] != "done":
        yield "Done, but not complete: what is deferred or rejected is in the report; run again."
    elif not any(
        summary[kind][outcome]
        for kind in ("companies", "contacts")
        for outcome in ("created", "updated")
    ):
        yield "Nothing changed: the CRM already holds all of it."
    else:
        yield "Done."
