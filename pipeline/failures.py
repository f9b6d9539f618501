"""What to tell a person of an error, wherever it comes from."""

import re
import traceback
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from transforms.core.errors import SvodError
from transforms.core.secrets import mask

# How Beam tells the exception of a worker process (a traceback as text), and in which step it was.
_OWN_ERROR = re.compile(r"^(?:transforms|pipeline)\.[\w.]+: (.+)$", re.M)
_STEP = re.compile(r" \[while running .*", re.S)


def plain_reason(error: BaseException) -> str:
    """What to tell a person, without secrets: an error that is not ours may quote a customer."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SvodError | OSError):
            return mask(_STEP.sub("", str(cause)))
        if isinstance(cause, SQLAlchemyError):
            return mask(f"the ledger failed: {getattr(cause, 'orig', None) or cause}")
        cause = cause.__cause__ or cause.__context__
    if own := _OWN_ERROR.findall(str(error)):
        return mask(_STEP.sub("", own[-1]))
    where = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"an unexpected {type(error).__name__} in {Path(where.filename).name}, line {where.lineno}:"
        " this is a defect of svod, please report it; nothing is lost"
    )
