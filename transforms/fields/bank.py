"""Bank details: BIK, settlement account and correspondent account.

Source: contracts/fields, "Bank" (Bank of Russia's rule 515). An account's key can only be checked
together with its BIK, so an account without a valid BIK is left out too.

>>> parse("049805746", "40602810700000000025", "Банк", None)
(BankAccount(bik='049805746', account='40602810700000000025', bank='Банк', corr_account=''), ())
>>> agrees("044525225", "30101810400000000225"), agrees("044525225", "40702810938000060473")
(True, False)
>>> parse("044525225", "40702810938000060473")
(None, (Note(field='account', problem='bad_checksum', value='40702810938000060473'),))
"""

import re
from operator import mul

from transforms.core.records import BankAccount, Note
from transforms.fields import text
from transforms.fields.placeholders import is_filler_number, is_placeholder

_FILL = re.compile(r"^\W*(?:БИК|BIK|[РКPK]/?[СC])(?=\W|\d)|[\s\-‐‑‒–—―−.:№_]+", re.IGNORECASE)
_WEIGHTS = (7, 1, 3) * 7 + (7, 1)
# ord("0") is 48, so a weighted sum of character codes is too large by this.
_ZEROS = 48 * sum(_WEIGHTS)


def parse(
    bik: object, account: object, bank: object = None, corr_account: object = None
) -> tuple[BankAccount | None, text.Notes]:
    """Returns the bank account in any JSON values, or None and notes of what is wrong."""
    valid_bik, notes = _digits("bik", bik, 9)
    name, name_notes = text.parse_cached(bank, "bank")
    valid_account, account_notes = _account("account", valid_bik, account)
    notes += name_notes + account_notes
    if not valid_account:
        if not account_notes:
            rest = {"bik": valid_bik, "bank": name, "corr_account": corr_account}
            notes += tuple(Note(f, "no_account", text.excerpt(v)) for f, v in rest.items() if v)
        return None, notes
    valid_corr, corr_notes = _account("corr_account", valid_bik, corr_account)
    return BankAccount(valid_bik, valid_account, name, valid_corr), notes + corr_notes


def agrees(bik: str, account: str, correspondent: bool = False) -> bool:
    """Whether the control key of an account's 20 digits agrees with the BIK's 9."""
    if correspondent or account.startswith("301"):
        key = f"0{bik[4:6]}{account}"
    else:
        key = bik[6:] + account
    return bool((sum(map(mul, key.encode(), _WEIGHTS)) - _ZEROS) % 10 == 0)


def _account(field: str, bik: str, value: object) -> tuple[str, text.Notes]:
    account, notes = _digits(field, value, 20)
    if account and not bik:
        return "", (*notes, Note(field, "no_bik", account))
    if account and not agrees(bik, account, field == "corr_account"):
        return "", (*notes, Note(field, "bad_checksum", account))
    return account, notes


def _digits(field: str, value: object, length: int) -> tuple[str, text.Notes]:
    """Returns exactly ``length`` digits; a BIK that is a number gets its leading zero back.

    >>> _digits("bik", 44525225, 9)
    ('044525225', (Note(field='bik', problem='leading_zero', value='44525225'),))
    """
    if type(value) is str and _is_number(value, length):
        return value, ()
    cell, notes = text.parse(value, field)
    compact = _FILL.sub("", cell)
    if not cell:
        return "", notes
    if is_placeholder(cell) or is_filler_number(compact):
        return "", (*notes, Note(field, "placeholder", text.excerpt(cell)))
    if length == 9 and len(compact) == 8 and not isinstance(value, str):
        return "0" + compact, (*notes, Note(field, "leading_zero", cell))
    if not _is_number(compact, length):
        return "", (*notes, Note(field, "unreadable", text.excerpt(cell)))
    return compact, notes


def _is_number(compact: str, length: int) -> bool:
    has_digits = len(compact) == length and compact.isascii() and compact.isdigit()
    return has_digits and not is_filler_number(compact)
