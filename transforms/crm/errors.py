"""Errors of calls to the CRM.

```
SvodError
└── CrmError              has ``code`` and ``description``, the portal's own words
    ├── Refused           this record is refused; the others go on
    ├── Throttled         over a limit and not executed: wait and send it again
    ├── UnknownOutcome    a write may have been executed or not: look the record up by its origin
    ├── CrmUnavailable    no answer for too long (fatal)
    └── Stop              the portal accepts nothing from us (fatal)
        ├── PortalMoved   it has another address now (fatal)
        └── RefusesAll    it refuses every record for one and the same reason (fatal)
```

The message of each is for people and contains neither the webhook nor data of a customer. The
portal's ``description`` may quote what it was sent: it belongs into the ledger, not into a log.
"""
# ruff: noqa: N818 -- these are outcomes, and named like outcomes

from transforms.core.errors import SvodError
from transforms.core.secrets import mask


class CrmError(SvodError):
    """Base; ``fatal`` says that the whole run cannot go on.

    ``code`` is the portal's ``error`` as text ("" or "0" from its older methods).
    """

    fatal = False

    def __init__(self, message: str, code: str = "", description: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.description = description


class Refused(CrmError):
    """The portal refuses this record, or ``subject`` (HTTP 400); nothing was written."""

    def __init__(self, code: str, description: str = "", subject: str = "a record") -> None:
        message = f"The CRM refuses {subject}: {code or 'without a code'}."
        super().__init__(message, code, description)


class Throttled(CrmError):
    """Refused for a limit (503 ``QUERY_LIMIT_EXCEEDED``, 429 ``OPERATION_TIME_LIMIT``).

    Nothing was executed, so a write may be sent again as well.
    """


class UnknownOutcome(CrmError):
    """No usable answer: lost connection, time-out, 5xx, HTML, broken JSON."""


class CrmUnavailable(CrmError):
    """The portal could not be reached, or gave no answer, again and again. Fatal."""

    fatal = True


class Stop(CrmError):
    """The portal refuses us as a whole: wrong webhook, missing right, blocked. Fatal."""

    fatal = True


class PortalMoved(Stop):
    """The portal redirects: it was renamed. Nothing is followed, nothing was executed. Fatal."""


class RefusesAll(Stop):
    """Every record is refused for one reason: it is not the records' fault. Fatal.

    A description that is the same for many different records quotes none of them.
    """

    def __init__(self, method: str, error: Refused) -> None:
        reason = f"{error.code} {mask(error.description)}".strip() or "no reason is given"
        super().__init__(
            f"The CRM refuses every record in {method}: {reason[:200]}. Check the webhook's rights,"
            " the fields that the portal requires, and its requisite presets; then run again.",
            error.code,
            error.description,
        )
