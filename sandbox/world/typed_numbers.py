"""TINs and the other numbers of a company as people typed them.

A *flaw* is the name of one way to type a TIN. With a readable flaw the company stays valid, with
any other its row is refused.
"""

from collections.abc import Callable
from typing import Final

from sandbox.world import check_digits

Draw = Callable[[], float]

# Rows in a thousand.
SHARES: Final = {
    "plain": 870,
    "spaced": 10,
    "nbsp": 8,
    "dashed": 10,
    "prefixed": 12,
    "with_kpp": 20,
    "padded": 8,
    "number": 20,
    "missing": 15,
    "format": 9,
    "checksum": 10,
    "placeholder": 8,
}
REASONS: Final = {
    "missing": "missing_tin",
    "format": "bad_tin_format",
    "checksum": "bad_tin_checksum",
    "placeholder": "placeholder_tin",
}
MISSING: Final = (None, None, "", "нет", "-", " ")
_OTHER_LETTERS = "OОЗl"


def write_tin(draw: Draw, tin: str, kpp: str, flaw: str) -> str | None:
    """Returns the TIN with this flaw, as text (``number``: without its leading zeros)."""
    return _WRITERS[flaw](draw, tin, kpp)


def _group(tin: str, by: str) -> str:
    return by.join((tin[:4], tin[4:8], tin[8:]))


def _prefix(draw: Draw, tin: str, kpp: str) -> str:
    return ("ИНН ", "ИНН", "ИНН: ", "инн ", "ИНН\xa0")[int(draw() * 5)] + tin


def _with_kpp(draw: Draw, tin: str, kpp: str) -> str:
    return tin + ("/", "/", " / ")[int(draw() * 3)] + kpp if kpp else tin


def _missing(draw: Draw, tin: str, kpp: str) -> str | None:
    return MISSING[int(draw() * len(MISSING))]


def _bad_format(draw: Draw, tin: str, kpp: str) -> str:
    lot = int(draw() * 5)
    if lot == 0:
        return tin[1:9]
    if lot == 1:
        return tin + "123"
    if lot == 2:
        return tin[:4] + _OTHER_LETTERS[int(draw() * 4)] + tin[5:]
    # One digit too few or too many, which a lost zero does not explain.
    short = tin[1:10] if lot == 3 else tin[:10] + "5"
    return tin[:7] if check_digits.is_tin("0" + short) else short


def _bad_checksum(draw: Draw, tin: str, kpp: str) -> str:
    place = 4 + int(draw() * 6)
    for step in range(1, 10):
        wrong = tin[:place] + str((int(tin[place]) + step) % 10) + tin[place + 1 :]
        if not check_digits.is_tin(wrong):
            break
    return wrong


def _placeholder(draw: Draw, tin: str, kpp: str) -> str:
    lot = int(draw() * 3)
    return check_digits.tin("00" + tin[2:9]) if lot == 0 else "0" * (8 + 2 * lot)


_WRITERS: Final[dict[str, Callable[[Draw, str, str], str | None]]] = {
    "plain": lambda draw, tin, kpp: tin,
    "spaced": lambda draw, tin, kpp: _group(tin, " "),
    "nbsp": lambda draw, tin, kpp: _group(tin, "\xa0"),
    "dashed": lambda draw, tin, kpp: _group(tin, "-"),
    "padded": lambda draw, tin, kpp: f" {tin}  ",
    "number": lambda draw, tin, kpp: tin.lstrip("0"),
    "prefixed": _prefix,
    "with_kpp": _with_kpp,
    "missing": _missing,
    "format": _bad_format,
    "checksum": _bad_checksum,
    "placeholder": _placeholder,
}


def write_kpp(draw: Draw, kpp: str, branch: bool) -> str | None:
    """Returns the company's or a branch's KPP; sometimes it is missing or invalid."""
    if branch and kpp:
        return f"{kpp[:4]}43{1 + int(draw() * 99):03d}"
    lot = draw()
    if lot < 0.93:
        return kpp or None
    return (None, "", "0", kpp[:8], kpp + "0", "нет", "78 05 01 001", "7805-1001")[int(draw() * 8)]


def write_ogrn(draw: Draw, ogrn: str) -> str | None:
    """Returns the OGRN; sometimes it is missing, spaced, cut or has a wrong check digit."""
    if draw() < 0.92:
        return ogrn
    wrong = ogrn[:-1] + str((int(ogrn[-1]) + 1) % 10)
    spaced = f"{ogrn[:5]} {ogrn[5:]}"
    return (None, "", wrong, ogrn[:-2], f"ОГРН {ogrn}", spaced, "-")[int(draw() * 7)]


def bank_numbers(number: int, region: str) -> tuple[str, str, str]:
    """Returns a company's BIK, account and correspondent account with correct keys."""
    bik = f"04{region}{number % 83:02d}{100 + number % 800:03d}"
    body = f"407028100{number * 7_919 % 10_000:04d}{number % 10**7:07d}"
    corr_account = check_digits.account(f"301018100{'0' * 8}{bik[-3:]}", bik)
    return bik, check_digits.account(body, bik), corr_account


def damage_bank(draw: Draw, bik: str, account: str, corr: str) -> tuple[str | None, ...]:
    """Returns the three bank numbers with one of them damaged."""
    lot = int(draw() * 7)
    if lot == 0:
        return bik, account[:-1] + str((int(account[-1]) + 1) % 10), corr
    if lot == 1:
        return bik[:-1], account, corr
    if lot == 2:
        return bik, account[:19], corr
    if lot == 3:
        return bik, f"{account[:5]} {account[5:8]} {account[8:]}", corr
    if lot == 4:
        return bik, account, corr[:-4] + "9" + corr[-3:]
    return (None, account, None) if lot == 5 else (bik, "", corr)
