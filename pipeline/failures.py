"""Describes any error in plain words for a person."""

import re
import traceback
from pathlib import Path
from typing import Final

import grpc
from sqlalchemy.exc import SQLAlchemyError

from transforms.core.errors import SvodError
from transforms.core.secrets import mask

# Beam passes the exception of a worker process on as the text of a traceback, with the step.
_OWN_ERROR = re.compile(r"^(?:transforms|pipeline)\.[\w.]+: (.+)$", re.M)
_STEP = re.compile(r" \[while running .*", re.S)
# The last place and the class of an exception in that text.
_PLACE = re.compile(r'^ *File "(?:.*/)?([^"/]+)", line (\d+)', re.M)
_CLASS = re.compile(r"^(?:\w+\.)*(\w+)(?:: |$)", re.M)
_TRACEBACK: Final = "Traceback (most recent call last)"
# How Beam's runner on other machines says that a job did not end well.
_JOB_ENDED = re.compile(r"^Pipeline \S+ failed in state (\w+): ")
# What an engine says, in the order in which it is looked for, and what has happened.
_LOSSES: Final = (
    (re.compile(r"FlinkJobNotFound|Could not find Flink job|Job .*not found"), "its JobManager"),
    (
        re.compile(
            r"TaskManager|TaskExecutor|RemoteTransport|PartitionNotFound|PartitionConnection"
            r"|Heartbeat|NoResourceAvailable|slots? ",
            re.I,
        ),
        "a TaskManager",
    ),
    (
        re.compile(
            r"SDK [Hh]arness|[Mm]ultiplexer|StatusRuntimeException|UNAVAILABLE|CANCELLED"
            r"|[Cc]ontrol client|worker",
        ),
        "a worker",
    ),
    (re.compile(r"Connection|connect|timed? ?out", re.I), "its connection to a process"),
)
_TRY_AGAIN: Final = (
    "nothing is lost: start a run again when the engine is whole, it takes up what is unfinished"
)


def plain_reason(error: BaseException) -> str:
    """Returns the reason without secrets; the text of an error of a library is left out.

    Such a text may quote a customer.
    """
    if reason := _reason_of_cause(error):
        return reason
    text = str(error)
    if messages := _OWN_ERROR.findall(text):
        return mask(_STEP.sub("", messages[-1]))
    if isinstance(error, RuntimeError) and _TRACEBACK in text:
        return _worker_defect(text)
    if isinstance(error, RuntimeError) and (ended := _JOB_ENDED.match(text)):
        return _engine_gave_up(ended[1], text[ended.end() :])
    where = traceback.extract_tb(error.__traceback__)[-1]
    return _defect(type(error).__name__, Path(where.filename).name, where.lineno)


def _reason_of_cause(error: BaseException) -> str:
    """Returns the reason where an error of ours, the ledger or grpc is behind it; else nothing."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SvodError | OSError):
            return mask(_STEP.sub("", str(cause)))
        if isinstance(cause, SQLAlchemyError):
            return mask(f"the ledger failed: {getattr(cause, 'orig', None) or cause}")
        if isinstance(cause, grpc.RpcError):
            return _engine_silent(cause)
        cause = cause.__cause__ or cause.__context__
    return ""


def _defect(name: str, file: str, line: int | str | None) -> str:
    return (
        f"an unexpected {name} in {file}, line {line}:"
        " this is a defect of svod, please report it; nothing is lost"
    )


def _worker_defect(text: str) -> str:
    """Says where a step failed in a worker, whose traceback is all that arrives here."""
    text = _STEP.sub("", text[text.rindex(_TRACEBACK) :])
    file, line = ([*_PLACE.findall(text)] or [("a worker", "unknown")])[-1]
    names = _CLASS.findall(text)
    return _defect(names[-1] if names else "error", file, line)


def _engine_silent(error: grpc.RpcError) -> str:
    """Says that the engine's job server does not answer, by the status of the request."""
    code = error.code() if isinstance(error, grpc.Call) else None
    status = f" ({code.name})" if code else ""
    return (
        f"the engine does not answer{status}: its job server has ended or cannot be reached, so"
        f" the outcome of the job is unknown; {_TRY_AGAIN}"
    )


def _engine_gave_up(state: str, text: str) -> str:
    """Says what an engine lost that ended the job in ``state``; its own text stays out."""
    loss = next((loss for sign, loss in _LOSSES if sign.search(text)), None)
    reason = f"it has lost {loss}" if loss else "its own log says why"
    return f"the engine ended the job as {state}: {reason}; {_TRY_AGAIN}"
