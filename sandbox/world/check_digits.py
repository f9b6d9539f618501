"""Valid numbers of the state and of banks: TIN, OGRN and accounts with correct check digits."""

_TIN_10 = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_TIN_11 = (7, *_TIN_10)
_TIN_12 = (3, *_TIN_11)
_ACCOUNT = (7, 1, 3) * 8


def _digit(digits: str, weights: tuple[int, ...]) -> str:
    return str(sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11 % 10)


def tin(body: str) -> str:
    """Completes a TIN from its first 9 (organisation) or 10 (sole proprietor) digits."""
    if len(body) == 9:
        return body + _digit(body, _TIN_10)
    body += _digit(body, _TIN_11)
    return body + _digit(body, _TIN_12)


def is_tin(text: str) -> bool:
    """Whether the check digits are correct; a placeholder may pass."""
    if not (text.isascii() and text.isdigit() and len(text) in (10, 12)):
        return False
    return text == tin(text[:9] if len(text) == 10 else text[:10])


def ogrn(body: str) -> str:
    """Completes an OGRN from its first 12 digits, an OGRNIP from its first 14."""
    return body + str(int(body) % (len(body) - 1) % 10)


def account(body: str, bik: str) -> str:
    """Returns an account of 20 digits whose ninth digit is its key with this BIK (rule 515).

    ``body`` has any digit in the key's place. Accounts 301… are correspondent accounts.
    """
    prefix = "0" + bik[4:6] if body.startswith("301") else bik[-3:]
    unkeyed = prefix + body[:8] + "0" + body[9:]
    rest = sum(int(d) * w % 10 for d, w in zip(unkeyed, _ACCOUNT, strict=False)) % 10
    return body[:8] + str(rest * 3 % 10) + body[9:]
