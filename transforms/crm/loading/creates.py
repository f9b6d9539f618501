"""Creating without doubling: an intent before each create, a look-up where the outcome is unknown.

The portal has no idempotency key, and a request may be executed although its answer was lost. So
a create whose outcome is unknown is looked for, and sent again only when it is still missing after
the longest time that a request can take.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from transforms.core.identity import now
from transforms.crm.errors import Refused
from transforms.crm.loading.journal import Journal
from transforms.ledger.loads.sent import Intent, Key, Sent

Fields = dict[str, Any]


class ExistingPart(NamedTuple):
    """A part that a look-up found in the CRM.

    ``sent`` is what may be taken as sent; ``has_our_mark`` says that we created it; ``fields`` are
    its fields as they stand in the CRM.
    """

    sent: Sent
    has_our_mark: bool
    fields: Fields


Find = Callable[[Mapping[Key, Fields]], Mapping[Key, ExistingPart]]
"""Looks parts up in the CRM."""
RequestSize = Callable[[int], int]
"""Given how many creates remain: how many go into the next request."""
Send = Callable[[Mapping[Key, Fields]], Mapping[Key, int | Refused]]
"""Sends creates: the id or refusal of each; a create with unknown outcome is left out."""


class CreateOutcomes:
    """Outcomes of creates; the outcome of a part that is neither existing nor refused is unknown.

    ``created`` are those of the existing parts that were created just now.
    """

    def __init__(self) -> None:
        self.existing: dict[Key, Sent] = {}
        self.created: set[Key] = set()
        self.refused: dict[Key, Refused] = {}


class IdempotentCreates:
    """Creates parts of one kind of record, each once.

    ``settle`` is the longest time in seconds that the portal may work on a request.
    """

    def __init__(self, journal: Journal, kind: str, settle: float) -> None:
        self._journal, self._kind = journal, kind
        self._settle = int(settle * 1_000_000)
        # When another pass can settle everything that this one leaves in doubt (microseconds).
        self.retry_at: int | None = None

    def ensure(
        self, parts: Mapping[Key, Fields], find: Find | None, send: Send, size: RequestSize
    ) -> CreateOutcomes:
        """Create the parts that do not exist yet, as many a request as ``size`` says.

        ``find`` is ``None`` when none of them can exist. What is postponed is to be tried again
        after ``retry_at``.
        """
        outcomes = CreateOutcomes()
        missing = dict(parts)
        if find is not None and missing:
            self._look_up(missing, find, outcomes)
        remaining = list(missing)
        while remaining:
            count = size(len(remaining))
            keys, remaining = remaining[:count], remaining[count:]
            self._create({key: missing[key] for key in keys}, send, outcomes)
        return outcomes

    def _look_up(self, missing: dict[Key, Fields], find: Find, outcomes: CreateOutcomes) -> None:
        """Take out of ``missing`` what exists, and what the portal may be about to create."""
        intents = self._journal.intents(self._kind, sorted({key for key, _ in missing}))
        created_before: set[Key] = set()
        for key, existing in find(missing).items():
            # What the intent was about to send is what the portal holds.
            intent = intents.get(key) if existing.has_our_mark else None
            if intent:
                created_before.add(key)
                outcomes.existing[key] = Sent(existing.sent.crm_id, intent.fields)
            else:
                outcomes.existing[key] = existing.sent
            del missing[key]
        self._journal.note_existing(self._kind, dict(outcomes.existing), created_before)
        for key, intent in intents.items():
            if key in missing and self.is_in_doubt(intent):
                del missing[key]

    def is_in_doubt(self, intent: Intent) -> bool:
        """Whether the portal may still be about to execute the write: ``retry_at`` is set then."""
        in_doubt = intent.sent_at + self._settle > now()
        if in_doubt:
            self._retry_not_before(intent.sent_at + self._settle)
        return in_doubt

    def retry_when_settled(self) -> None:
        """Note that the outcome of a write sent just now is unknown."""
        self._retry_not_before(now() + self._settle)

    def _retry_not_before(self, moment: int) -> None:
        self.retry_at = max(moment, self.retry_at or moment)

    def _create(self, parts: Mapping[Key, Fields], send: Send, outcomes: CreateOutcomes) -> None:
        self._journal.intend_creates(self._kind, parts)
        answers = send(parts)
        if len(answers) < len(parts):
            self.retry_when_settled()
        refused = {key: answer for key, answer in answers.items() if isinstance(answer, Refused)}
        created = {
            key: Sent(answer, parts[key])
            for key, answer in answers.items()
            if not isinstance(answer, Refused)
        }
        self._journal.note_created(self._kind, created, answers)
        outcomes.existing |= created
        outcomes.created |= created.keys()
        outcomes.refused |= refused
