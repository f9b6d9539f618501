"""Secrets by name: the name of a variable is pickled, logged or drawn, never its value."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from transforms.core.errors import SecretError

MASK = "***"

_SECRET_PARTS = (
    # The path of an inbound webhook: https://portal/rest/<user>/<code>/method.
    (re.compile(r"/rest/\d+/[^/\s\"'?]+"), f"/rest/{MASK}/{MASK}"),
    # The user and password of a URL; a password may itself hold "@" and "/".
    (re.compile(r"//[^\s\"'@/]*:[^\s\"']*@"), f"//{MASK}:{MASK}@"),
)


@dataclass(frozen=True)
class Secret:
    """A reference to the secret in the environment variable ``variable``, e.g. ``SVOD_CRM``."""

    variable: str

    def value(self) -> str:
        """The value, from the variable, or stripped from the file that ``<variable>_FILE`` names.

        Raises:
            SecretError: naming the variable, when neither is set or the file cannot be read.
        """
        if value := os.environ.get(self.variable):
            return value
        path = os.environ.get(f"{self.variable}_FILE")
        if not path:
            raise SecretError(
                f"{self.variable} is not set: set it, or {self.variable}_FILE to a file that holds"
                " it, on every machine that runs the job"
            )
        return self._read(path)

    def _read(self, path: str) -> str:
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretError(
                f"{self.variable}_FILE: cannot read {path}: {type(error).__name__}"
            ) from None
        if not value:
            raise SecretError(f"{self.variable}_FILE: {path} is empty")
        return value


def mask(text: str, *secrets: str) -> str:
    """``text`` for a log: ``secrets``, and whatever looks like the secret in a URL, are masked.

    >>> mask("POST https://b24.example/rest/1/k3y/batch failed")
    'POST https://b24.example/rest/***/***/batch failed'
    >>> mask("cannot open mysql://svod:pa@ss@db/shop")
    'cannot open mysql://***:***@db/shop'
    """
    # The longest first: one secret may be a part of another.
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    for pattern, masked in _SECRET_PARTS:
        text = pattern.sub(masked, text)
    return text
