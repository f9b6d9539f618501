"""Describes any error in plain words for a person."""

import re
import traceback
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from transforms.core.errors import SvodError
from transforms.core.secrets import mask

# Beam passes the exception of a worker process on as the text of a traceback, with the step.
_OWN_ERROR = re.compile(r"^(?:transforms|pipeline)\.[\w.]+: (.+)$", re.M)
_STEP = re.compile(r" \[while running .*", re.S)


def plain_reason(error: BaseException) -> str:
    """Returns the reason without secrets; the text of an error of a library is left out.

    Such a text may quote a customer.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SvodError | OSError):
            return mask(_STEP.sub("", str(cause)))
        if isinstance(cause, SQLAlchemyError):
            return mask(f"the ledger failed: {getattr(cause, 'orig', None) or cause}")
        cause = cause.__cause__ or cause.__context__
    if messages := _OWN_ERROR.findall(str(error)):
        return mask(_STEP.sub("", messages[-1]))
    where = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"an unexpected {type(error).__name__} in {Path(where.filename).name}, line {where.lineno}:"
        " this is a defect of svod, please report it; nothing is lost"
    )
