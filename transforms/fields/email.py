"""E-mail addresses: checked by ``email-validator`` without DNS, domain in lower case.

Source: contracts/fields, "E-mail". ``.example`` and ``.test`` are accepted: the contracts' own
addresses are in those domains, and a reserved name is not damage. ``.local``, ``.localhost``,
``.invalid``, ``.onion`` and ``.arpa`` cannot receive mail and are noted. The validator needs 60 µs
for an address, so usual ASCII addresses take a short cut that returns the same (a test holds that).

>>> parse("P.Ivanov@Romashka.example; почта@Пример.рф")
(('P.Ivanov@romashka.example', 'почта@пример.рф'), ())
>>> parse("ivan @mail,ru")
(('ivan@mail.ru',), (Note(field='email', problem='repaired', value='ivan @mail,ru'),))
>>> [(note.problem, note.value) for note in parse("нет@mail.ru, Маша <masha@mail.ru>")[1]]
[('placeholder', 'нет@mail.ru'), ('unreadable', 'Маша')]
"""

import re
from functools import lru_cache

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

from transforms.core.records import Note
from transforms.fields import text
from transforms.fields.placeholders import is_placeholder, words

_LONGEST = 2000
_LONGEST_ADDRESS = 254
# Possessive: each part ends at the first sign that cannot belong to it, so nothing is tried twice.
_LABEL = "(?!-)[A-Za-z0-9-]{1,63}+(?<!-)"
_USUAL = re.compile(
    rf"([A-Za-z0-9_+-]++(?:\.[A-Za-z0-9_+-]++)*+)@((?:{_LABEL}\.)+([A-Za-z]{{2,63}}))"
).fullmatch
_RESERVED = frozenset(SPECIAL_USE_DOMAIN_NAMES) - {"test"}
_CASELESS = frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)

_ENDINGS = "ru|рф|com|net|org|su|info|biz|by|kz|ua|pro|example"
_WRAPPING = re.compile(r"\b(?:mailto|e-?mail|почта)\s?:", re.IGNORECASE)
_AT_GAP = re.compile(r" ?@[ @]*")
_DOT_GAP = re.compile(rf"(@[\w-]+(?:\.[\w-]+)*?) ?[.,] ?({_ENDINGS})(?![\w@.-])", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s,;/|\\<>()\[\]\"«»]+")
_WORD = re.compile(r"[^\W\d_]+")
_TO_LATIN = str.maketrans("АВСЕНКМОРТХУасеорхук", "ABCEHKMOPTXYaceopxyk")

_FILLERS = words("test тест no net нет none null нету")
_YANDEX = frozenset({"yandex.ru", "ya.ru", "yandex.com"})
_ROLES = words(
    """abuse account accounting accounts admin administrator adm all billing bookkeeper booking buh
    buhg buhgalter buhgalteria buhgalteriya business ceo client clients commerce company
    contact contacts delo dir direct director doc docs dogovor dostavka feedback fin finance
    firma ftp gendir general glavbuh hello help helpdesk hostmaster hotline hr info inbox
    invoice it jobs job jurist kadr kadry kanc kancelaria kassa klient kontakt law lawyer
    legal logist logistic logistics logistika mail mailbox manager managers market marketing
    news noc noreply office ofis opt order orders otdel partner partners pay payment pochta
    post postmaster pr press priem priemnaya prodaja prodaji prodazha prodazhi purchase
    rabota reception reklama remont resume rezume root sale sales salon sbyt secretar
    secretary security sekretar sekretariat service servis shop site sklad snab snabzhenie
    spam store supply support sysadmin team tech tender torg torgi trade transport uucp
    vacancy webmaster website www yurist zakaz zakazy zakup zakupka zakupki zavod инфо почта
    заказ офис продажи бухгалтерия"""
)


def parse(value: object) -> tuple[tuple[str, ...], text.Notes]:
    """Returns all addresses in any JSON value, each once (whatever its case), in order."""
    single = value[0] if isinstance(value, list) and len(value) == 1 else value
    if type(single) is str and (address := parse_usual(single)) and not _is_filler(address):
        return (address,), ()
    cells, leaf_notes = text.leaf_values(value, "email")
    addresses: dict[str, str] = {}
    notes = list(leaf_notes)
    for cell in cells:
        clean_cell, cell_notes = text.parse(cell, "email", _LONGEST)
        notes += cell_notes
        _read_cell(clean_cell, addresses, notes)
    return tuple(addresses.values()), tuple(notes)


def parse_usual(candidate: str) -> str:
    """Returns a plain ASCII address as ``email-validator`` does, "" when that must decide.

    >>> [parse_usual(x) for x in ("INFO@Romashka.Example", "a..b@mail.ru", "a@host.local")]
    ['info@romashka.example', '', '']
    """
    match = _USUAL(candidate) if len(candidate) <= _LONGEST_ADDRESS else None
    if not match:
        return ""
    local, domain, ending = match.groups()
    if "--" in domain or ending.lower() in _RESERVED:
        return ""
    if local.lower() in _CASELESS:
        local = local.lower()
    return f"{local}@{domain.lower()}"


def _read_cell(cell: str, addresses: dict[str, str], notes: list[Note]) -> None:
    # A sign in front may be a list's dash.
    if cell[:1].isalnum() and (address := parse_usual(cell)) and not _is_filler(address):
        addresses.setdefault(address.lower(), address)
        return
    if is_placeholder(cell):
        if cell:
            notes.append(Note("email", "placeholder", text.excerpt(cell)))
        return
    unwrapped = _WRAPPING.sub(" ", cell) if ":" in cell else cell
    mended = _mend(unwrapped)
    if mended != unwrapped:
        notes.append(Note("email", "repaired", text.excerpt(cell)))
    _read_parts(mended, addresses, notes)


def _read_parts(cell: str, addresses: dict[str, str], notes: list[Note]) -> None:
    words: list[str] = []
    for part in filter(None, _SEPARATORS.split(cell)):
        if "@" in part:
            _add(part, addresses, notes)
        else:
            words.append(part)
    rest = " ".join(words)
    if rest.strip(" .:-"):
        notes.append(Note("email", "unreadable", text.excerpt(rest)))


def _mend(cell: str) -> str:
    """Repairs obvious damage: blanks around @ and the last dot, a comma for it, doubled signs.

    >>> _mend("a @mail.ru b@ mail,ru c@@mail..ru d@mail.ru, e@mail .com")
    'a@mail.ru b@mail.ru c@mail.ru d@mail.ru, e@mail.com'
    >>> _mend("ivan@mаil.ru")     # the first a was Cyrillic
    'ivan@mail.ru'
    """
    mended = _AT_GAP.sub("@", cell)
    if ".." in mended:
        mended = re.sub(r"\.{2,}", ".", mended)
    if " " in mended or "," in mended:
        mended = _DOT_GAP.sub(r"\1.\2", mended)
    return mended if mended.isascii() else _WORD.sub(_to_latin, mended)


def _to_latin(match: re.Match[str]) -> str:
    # A word of two alphabets is a typing error when look-alikes explain its Cyrillic letters.
    word = match[0].translate(_TO_LATIN)
    return word if word.isascii() and _has_two_alphabets(match[0]) else match[0]


def _has_two_alphabets(word: str) -> bool:
    return not word.isascii() and any(char.isascii() for char in word)


def _add(part: str, addresses: dict[str, str], notes: list[Note]) -> None:
    # A local part may begin with an underscore, but no domain ends with one.
    trimmed = part.strip(".:'`-*").rstrip("_")
    address = parse_usual(trimmed) or _ask_validator(trimmed)
    if not address:
        notes.append(Note("email", "unreadable", text.excerpt(part)))
    elif _is_filler(address):
        notes.append(Note("email", "placeholder", text.excerpt(part)))
    else:
        addresses.setdefault(address.lower(), address)


@lru_cache(maxsize=8192)
def _ask_validator(candidate: str) -> str:
    try:
        checked = validate_email(candidate, check_deliverability=False, test_environment=True)
    except (EmailNotValidError, UnicodeError):
        return ""
    # The test environment also accepts "user@test".
    return checked.normalized if "." in checked.domain else ""


def _is_filler(address: str) -> bool:
    local, _, domain = address.lower().partition("@")
    if local in _FILLERS:
        return True
    return domain.startswith(local + ".") and (
        local.isdigit() or local.count(local[0]) == len(local)
    )


def compare_key(address: str) -> str:
    """Returns the same text for all addresses of one mailbox.

    >>> compare_key("P.Ivanov+shop@gmail.com"), compare_key("Ivan@ya.ru")
    ('pivanov@gmail.com', 'ivan@yandex.ru')
    """
    local, _, domain = address.lower().partition("@")
    local = local.partition("+")[0] or local
    if domain in _YANDEX:
        domain = "yandex.ru"
    elif domain == "gmail.com":
        local = local.replace(".", "")
    return f"{local}@{domain}"


def is_role(address: str) -> bool:
    """Whether the mailbox is an office's, not a person's: its first word is a role.

    >>> is_role("Sales-2@romashka.example"), is_role("buh@mail.ru"), is_role("p.ivanov@mail.ru")
    (True, True, False)
    """
    local = address.lower().partition("@")[0]
    first = _WORD.match(local)
    return first is not None and (first[0] in _ROLES or local in ("no-reply", "do-not-reply"))
