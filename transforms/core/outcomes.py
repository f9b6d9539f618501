"""Outcomes of runs, rows and records, in the words that the ledger keeps and programs read."""

from typing import Literal

RunStatus = Literal["running", "done", "incomplete", "failed", "interrupted"]
"""``incomplete``: a record was deferred or rejected. ``interrupted``: cut off, or stopped."""

RUNNING: RunStatus = "running"
DONE: RunStatus = "done"
INCOMPLETE: RunStatus = "incomplete"
FAILED: RunStatus = "failed"
INTERRUPTED: RunStatus = "interrupted"

RowOutcome = Literal["valid", "invalid", "deferred"]
"""The outcome of a source row: in a golden record, refused, or to be tried again."""

VALID: RowOutcome = "valid"
INVALID: RowOutcome = "invalid"
DEFERRED: RowOutcome = "deferred"

LoadOutcome = Literal["created", "updated", "unchanged", "rejected", "not_reached"]
"""The outcome of a golden record in the CRM."""

CREATED: LoadOutcome = "created"
UPDATED: LoadOutcome = "updated"
UNCHANGED: LoadOutcome = "unchanged"
REJECTED: LoadOutcome = "rejected"
NOT_REACHED: LoadOutcome = "not_reached"

DeferralReason = Literal["register_no_answer", "waiting_for_company", "crm_not_reached"]
"""Why a row is deferred; column ``reason`` of table ``deferred``."""

REGISTER_NO_ANSWER: DeferralReason = "register_no_answer"
WAITING_FOR_COMPANY: DeferralReason = "waiting_for_company"
CRM_NOT_REACHED: DeferralReason = "crm_not_reached"

DELETED_IN_STORE = "deleted_in_store"
"""Why a row is refused that its store marks as deleted, or whose topic says so."""

DELETED_BY_MESSAGE = "the store has deleted it"
"""The detail of a deletion of which the row's own record need not say anything."""

GONE_FROM_STORE = "gone_from_store"
"""Why a known row is refused that its store no longer has. It is not among the rows read."""

OUTSIDE = "outside"
"""The reason of a version, without a payload, that the configuration leaves out (``only``).

It is no outcome: if its row is known, that is gone from the store; else it is dropped.
"""

# Our own reasons of rejection. All others are the portal's codes, so the type is open.
DELETED_IN_CRM = "deleted_in_crm"
"""A person has deleted the record: it is reported, and not created again."""
COMPANY_REJECTED = "company_rejected"
"""The CRM rejects every company of a contact."""
