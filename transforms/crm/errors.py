"""What a call to the CRM comes to when it brings no result.

```
SvodError
└── CrmError              has ``code`` and ``description``, the portal's own words
    ├── Refused           this record is refused; the others go on
    ├── Throttled         over a limit and not executed: wait and send it again
    ├── UnknownOutcome    a write may have happened or not: look the record up by its origin
    ├── CrmUnavailable    no answer for too long (fatal)
    └── Stop              the portal will not take anything from us (fatal)
        ├── PortalMoved   it has another address now (fatal)
        └── RefusesAll    it refuses every record for one and the same reason (fatal)
```

The text of each is for people and holds neither the webhook nor anything about a customer. The
portal's ``description`` may quote what it was sent: it belongs into the ledger, not into a log.
"""
# ruff: noqa: N818 -- these are outcomes, and named as the loader speaks of them

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
    """The portal does not take this record (HTTP 400); nothing was written."""

    def __init__(self, code: str, description: str = "", what: str = "a record") -> None:
        super().__init__(f"The CRM refuses {what}: {code or 'without a code'}.", code, description)


class Throttled(CrmError):
    """Refused for a limit (503 ``QUERY_LIMIT_EXCEEDED``, 429 ``OPERATION_TIME_LIMIT``).

    Nothing was executed, so a write may be sent again as well.
    """


class UnknownOutcome(CrmError):
    """No answer that says what happened: lost connection, time-out, 5xx, HTML, broken JSON."""


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

    What many different records get to hear in the same words quotes none of them.
    """

    def __init__(self, method: str, error: Refused) -> None:
        told = f"{error.code} {mask(error.description)}".strip() or "no reason is given"
        super().__init__(
            f"The CRM refuses every record in {method}: {told[:200]}. Check the webhook's rights,"
            " the fields that the portal wants filled, and its requisite presets; then run again.",
            error.code,
            error.description,
        )
