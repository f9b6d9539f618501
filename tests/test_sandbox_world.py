"""The made-up world is reproducible, has every damage of the contracts, and a correct truth."""

import gzip
import json
import re
from collections import Counter, defaultdict
from datetime import datetime

import phonenumbers
import pytest
from stdnum.ru import inn

from sandbox.store_b import write_store_b
from sandbox.world.__main__ import main as write_world
from sandbox.world.sizes import sizes as world_sizes
from sandbox.world.world import World

SEED, SCALE = 7, 0.01
MISSING = "gone"


@pytest.fixture(scope="module")
def world():
    return World(SEED, SCALE)


@pytest.fixture(scope="module")
def companies_a(world):
    return list(world.a.company_rows())


@pytest.fixture(scope="module")
def contacts_a(world):
    return list(world.a.contact_rows())


@pytest.fixture(scope="module")
def partners(world):
    return list(world.b.partners())


@pytest.fixture(scope="module")
def truth(world):
    return {(row.source, row.kind, row.source_id): row for row in world.truth()}


@pytest.fixture(scope="module")
def register(world):
    return {suggestion["data"]["inn"]: suggestion["data"] for suggestion in world.register()}


# --- a second, simple implementation of the contracts, to compare with the truth ---


def read_text(cell):
    """Store A's rule: UTF-8 if it decodes and holds Cyrillic, else Windows-1251."""
    try:
        text = (cell or b"").decode()
        if re.search("[а-яё]", text, re.IGNORECASE):
            return text
    except UnicodeDecodeError:
        pass
    return (cell or b"").decode("cp1251", "replace")


def read_tin(raw):
    """Returns the TIN, or the reason of a refusal."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = str(raw)
    text = re.sub(r"[\s\-]", "", raw or "") if isinstance(raw, str) else ""
    text = re.sub(r"^ИНН:?", "", text, flags=re.IGNORECASE).split("/")[0]
    if text in ("", "нет"):
        return "missing_tin"
    if len(text) in (9, 11) and inn.is_valid("0" + text):
        text = "0" + text
    if not (text.isascii() and text.isdigit() and len(text) in (10, 12)):
        return "bad_tin_format"
    if not inn.is_valid(text):
        return "bad_tin_checksum"
    return "placeholder_tin" if text.startswith("00") else text


def judge_company(deleted, raw, register):
    tin = read_tin(raw)
    if deleted:
        return "deleted_in_store", ()
    if not tin.isdigit():
        return tin, ()
    if tin not in register:
        return "not_in_register", ()
    if register[tin]["state"]["status"] not in ("ACTIVE", "REORGANIZING"):
        return "not_active", ()
    return "golden", (tin,)


def judge_contact(deleted, names, ids, companies):
    outcomes = [companies.get(company_id, (MISSING, ())) for company_id in ids]
    if deleted:
        return "deleted_in_store", ()
    if not any(char.isalpha() for name in names for char in name or ""):
        return "no_name", ()
    if not outcomes:
        return "no_company", ()
    tins = sorted({tin for _, company_tins in outcomes for tin in company_tins})
    if tins:
        return "golden", tuple(tins)
    return "waiting_for_company" if (MISSING, ()) in outcomes else "company_refused", ()


def versions_of(partners):
    """Returns all versions of every partner, in the order of the files."""
    versions = defaultdict(list)
    for partner in partners:
        versions[partner["partner"]].append(partner)
    return versions


def newest(partners):
    """Returns the newest version of every partner."""
    return {
        number: max(copies, key=lambda partner: moment(partner) if len(copies) > 1 else 0)
        for number, copies in versions_of(partners).items()
    }


def moment(partner):
    return datetime.fromisoformat(partner["changed_at"]).timestamp()


def marked(value):
    return value in (True, 1, "true")


def tin_of(partner):
    numbers = partner.get("taxnumbers")
    tins = [
        number["number"]
        for number in (numbers if isinstance(numbers, list) else [])
        if isinstance(number, dict) and number["type"] == "INN"
    ]
    return tins[0] if tins else None


def references_of(partner):
    value = partner["contact_of"]
    values = value if isinstance(value, list) else [value]
    return [str(reference).zfill(10) for reference in values if reference]


# --- what is true ---


def test_store_a_ends_as_the_truth_says(companies_a, contacts_a, truth, register):
    companies = {row[0]: judge_company(row[14], read_text(row[1]), register) for row in companies_a}
    for row, judgement in companies.items():
        outcome = truth["A", "company", str(row)]
        assert (outcome.outcome, outcome.tins) == judgement
    for row in contacts_a:
        ids = [] if row[1] is None else [row[1]]
        judgement = judge_contact(row[8], map(read_text, row[2:5]), ids, companies)
        outcome = truth["A", "contact", str(row[0])]
        assert (outcome.outcome, outcome.tins) == judgement


def test_store_b_ends_as_the_truth_says(partners, truth, register):
    decided = newest(partners)
    companies = {
        number: judge_company(marked(partner.get("deleted")), tin_of(partner), register)
        for number, partner in decided.items()
        if str(partner["category"]) == "2"
    }
    for number, judgement in companies.items():
        outcome = truth["B", "company", number]
        assert (outcome.outcome, outcome.tins) == judgement
    for number in decided.keys() - companies.keys():
        person = decided[number]
        names = (person["last_name"], person["first_name"], person["middle_name"])
        ids = references_of(person)
        judgement = judge_contact(marked(person.get("deleted")), names, ids, companies)
        outcome = truth["B", "contact", number]
        assert (outcome.outcome, outcome.tins) == judgement


def test_every_row_has_one_outcome_and_all_outcomes_occur(world, truth):
    sizes = world.sizes
    rows = Counter((source, kind) for source, kind, _ in truth)
    assert rows == {
        ("A", "company"): sizes.company_rows_a,
        ("A", "contact"): sizes.contact_rows_a,
        ("B", "company"): sizes.organisations_b,
        ("B", "contact"): sizes.persons_b,
    }
    assert len(truth) == sum(1 for _ in world.truth())
    company = {"golden", "missing_tin", "bad_tin_format", "bad_tin_checksum", "placeholder_tin"}
    company |= {"not_in_register", "not_active", "deleted_in_store"}
    contact = {"golden", "no_company", "company_refused", "no_name", "deleted_in_store"}
    contact |= {"waiting_for_company"}
    for source in "AB":
        rows_of_source = [row for row in truth.values() if row.source == source]
        assert {row.outcome for row in rows_of_source if row.kind == "company"} == company
        assert {row.outcome for row in rows_of_source if row.kind == "contact"} == contact


def test_the_active_tins_are_those_of_the_golden_companies(world, truth, register):
    golden = [row for row in truth.values() if row.outcome == "golden"]
    assert world.active_tins() == {tin for row in golden for tin in row.tins}
    assert all(register[tin]["state"]["status"] for tin in world.active_tins())


def test_scale_1_has_the_size_of_the_contracts():
    sizes = world_sizes(1)
    assert sizes[:5] == (53_000, 75_000, 500_000, 125_000, 600_000)
    assert (sizes.companies, sizes.people) == (170_000, 264_000)


# --- reproducible ---


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path):
    def files(name, seed, **options):
        (tmp_path / name).mkdir()
        paths = write_store_b(World(seed, 0.001), tmp_path / name, **options)
        return [path.read_bytes() for path in paths]

    assert files("one", 1) == files("same", 1) != files("other", 2)
    assert files("packed", 1, packed=True) == files("packed again", 1, packed=True)


def test_rows_do_not_depend_on_what_was_read_before(world, companies_a, contacts_a):
    same_world = World(SEED, SCALE)
    assert list(same_world.a.contact_rows()) == contacts_a
    assert list(same_world.a.company_rows()) == companies_a
    assert list(world.a.order_rows()) == list(same_world.a.order_rows())


def test_the_files_hold_the_same_in_every_encoding(tmp_path, world, partners):
    for name, encoding, packed in (("u", "utf-8", False), ("w", "windows-1251", True)):
        (tmp_path / name).mkdir()
        paths = write_store_b(world, tmp_path / name, 2, encoding, packed)
        partners_read = []
        for path in paths:
            data = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
            # Python's own codec refuses byte 0x98, which the files hold on purpose.
            text = data.replace(b"\x98", b"\\u0098") if packed else data
            partners_read += json.loads(text.decode(encoding))["partners"]
        assert partners_read == partners


def test_the_command_writes_all_files(tmp_path):
    write_world(["--scale", "0.001", "--out", str(tmp_path), "--files", "2", "--gzip"])
    names = sorted(path.name for path in tmp_path.iterdir())
    packed = ["partners-1.json.gz", "partners-2.json.gz"]
    assert names == [*packed, "register.jsonl", "truth.jsonl"]
    truth = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert truth[0].keys() >= {"source", "kind", "source_id", "outcome"}


# --- control digits, computed here once more ---


def test_every_number_of_the_register_is_right(register):
    for tin, record in register.items():
        assert inn.validate(tin) == tin
        ogrn = record["ogrn"]
        assert len(ogrn) == (15 if record["type"] == "INDIVIDUAL" else 13)
        assert int(ogrn[:-1]) % (len(ogrn) - 2) % 10 == int(ogrn[-1])
        assert ("kpp" in record) == (record["type"] == "LEGAL")
        if "kpp" in record:
            assert re.fullmatch(r"[0-9]{4}[0-9A-Z]{2}[0-9]{3}", record["kpp"])


def agrees(bik, account):
    prefix = "0" + bik[4:6] if account.startswith("301") else bik[6:]
    pairs = zip(prefix + account, "71371371371371371371371", strict=True)
    return sum(int(digit) * int(weight) % 10 for digit, weight in pairs) % 10 == 0


def test_most_bank_accounts_are_right_and_some_are_not(partners):
    details = [
        (detail["bik"], detail["account"])
        for partner in partners
        if isinstance(partner.get("bankdetails"), list)
        for detail in partner["bankdetails"]
        if isinstance(detail, dict) and isinstance(detail.get("account"), str)
    ]
    right = [
        bool(re.fullmatch(r"\d{9}", bik or "") and re.fullmatch(r"\d{20}", account))
        and agrees(bik, account)
        for bik, account in details
    ]
    assert 0.85 < sum(right) / len(right) < 0.98


def test_the_phones_of_people_are_valid_and_their_own(world):
    identities = world.identities
    people = [identities.person(number) for number in range(2_000)]
    mobiles = [person.mobile for person in people if person.number % 50 != 1]
    mobiles += [person.second_mobile for person in people]
    assert len(set(mobiles)) == len(mobiles)
    landlines = [identities.landline(number) for number in range(world.sizes.companies)]
    assert len(set(landlines)) == len(landlines)
    for number in mobiles + landlines:
        assert phonenumbers.is_valid_number(phonenumbers.parse("+7" + number))


# --- every kind of damage ---

CYRILLIC_AND_LATIN = r"[а-яё][A-Za-z]|[A-Za-z][а-яё]"

IN_COMPANIES_A = {
    "spaces in a TIN": (1, r"^\d{4} \d{4} \d"),
    "no-break spaces in a TIN": (1, "\\d\xa0\\d"),
    "dashes in a TIN": (1, r"\d-\d"),
    "a prefix": (1, r"^ИНН ?:? ?\d"),
    "TIN and KPP in one field": (1, r"^\d{10} ?/ ?\d{4}"),
    "a lost leading zero": (1, r"^\d{9}$"),
    "a sole proprietor": (1, r"^\d{12}$"),
    "only zeros": (1, r"^0+$"),
    "a dash or the word for no": (1, r"^(-|нет)$"),
    "an empty TIN": (1, r"^$"),
    "a branch": (2, r"^\d{4}43\d{3}$"),
    "a KPP with letters": (2, r"^\d{4}AB\d{3}$"),
    "a short KPP": (2, r"^\d{8}$"),
    "a dash in a KPP": (2, r"^7805-1001$"),
    "a short OGRN": (3, r"^\d{11}$|^$"),
    "Latin letters in a name": (4, CYRILLIC_AND_LATIN + "|OOO"),
    "capitals": (4, r"^[^a-zа-яё]{12,}$"),
    "nested quotes": (4, r'".*".*"'),
    "typographic quotes inside": (4, "«.*„.*“"),
    "the form behind": (4, r", (ООО|ИП|АО|ЗАО|ПАО)$"),
    "the full form": (4, "Общество с ограниченной ответственностью"),
    "a very long text": (4, r"^.{250,255}$"),
    "several phones": (11, r"\d.*([,;/]|\r?\n).*\d"),
    "a placeholder phone": (11, r"\+70000000000|999-99-99|1111111|1234567"),
    "an unreadable phone": (11, "спросить|звонить|договор"),
    "a local phone": (11, r"^\d{3}-\d\d-\d\d"),
    "an extension": (11, r"доб|ext|вн|#"),
    "a role box": (12, r"^(info|office|sales|zakaz|buh)@"),
    "a placeholder mail": (12, r"^(test@|no@|нет|1@1|-)"),
}


@pytest.mark.parametrize("kind", IN_COMPANIES_A)
def test_damage_of_companies_in_a(companies_a, kind):
    place, pattern = IN_COMPANIES_A[kind]
    flags = re.DOTALL
    assert any(re.search(pattern, read_text(row[place]), flags) for row in companies_a)


def test_encodings_of_store_a(companies_a, contacts_a):
    cells = [cell for row in (*companies_a, *contacts_a) for cell in row if isinstance(cell, bytes)]
    utf8 = [cell for cell in cells if cell != cell.decode("cp1251", "ignore").encode("cp1251")]
    assert any(b"\x98" in cell for cell in utf8)
    decoded = [cell for cell in cells if re.search(rb"\xd0[\x90-\xbf]\xd0[\x90-\xbf]", cell)]
    assert any(re.search("[а-яё]{3}", cell.decode(errors="ignore")) for cell in decoded)
    assert any(cell.startswith("ООО".encode("cp1251")) for cell in cells)


def test_references_in_store_a(companies_a, contacts_a, world):
    ids = {row[0] for row in companies_a}
    named = {row[1] for row in contacts_a}
    assert None in named
    assert named - ids - {None}
    ordering = {row[1] for row in world.a.order_rows()}
    assert ordering - ids
    assert len(ordering & ids) > 100


def test_the_same_company_in_one_store_twice_and_in_both(truth):
    rows = Counter(
        (row.source, tin) for row in truth.values() if row.kind == "company" for tin in row.tins
    )
    tins = {source: {tin for row_source, tin in rows if row_source == source} for source in "AB"}
    assert max(rows.values()) > 1
    assert len(tins["A"] & tins["B"]) > 20


def test_the_same_person_in_many_rows_and_in_both_stores(truth):
    sources = defaultdict(list)
    for row in truth.values():
        if row.kind == "contact":
            sources[row.person].append(row.source)
    assert max(map(len, sources.values())) > 4
    assert sum(set(row_sources) == {"A", "B"} for row_sources in sources.values()) > 50


def test_partners_that_stand_several_times(partners):
    half = len(partners) // 2
    numbers = [partner["partner"] for partner in partners]
    assert set(numbers[:half]) & set(numbers[half:])
    pairs = [versions[:2] for versions in versions_of(partners).values() if len(versions) > 1]
    assert any(earlier == later for earlier, later in pairs)
    ascending = [moment(earlier) < moment(later) for earlier, later in pairs]
    assert any(ascending)
    assert any(moment(earlier) > moment(later) for earlier, later in pairs)
    # As text the older version may look newer: its time zone differs.
    as_text = [earlier["changed_at"] < later["changed_at"] for earlier, later in pairs]
    assert ascending != as_text


def test_persons_come_before_their_organisations(partners):
    numbers, early = set(), 0
    for partner in partners:
        numbers.add(partner["partner"])
        if str(partner["category"]) == "1":
            early += any(reference not in numbers for reference in references_of(partner))
    assert early > 1_000


IN_PARTNERS = {
    "a TIN as a number": lambda p: isinstance(tin_of(p), int),
    "a number without its zero": lambda p: isinstance(tin_of(p), int) and tin_of(p) < 10**9,
    "a TIN of null": lambda p: {"type": "INN", "number": None} in listed(p, "taxnumbers"),
    "no tax numbers": lambda p: "name1" in p and not listed(p, "taxnumbers"),
    "junk among tax numbers": lambda p: "?" in listed(p, "taxnumbers"),
    "phones as one text": lambda p: isinstance(p.get("phones"), str) and "7" in p["phones"],
    "phones nested": lambda p: any(isinstance(phone, list) for phone in listed(p, "phones")),
    "a phone as a number": lambda p: any(isinstance(phone, int) for phone in listed(p, "phones")),
    "null among phones": lambda p: None in listed(p, "phones"),
    "phones missing": lambda p: "phones" not in p,
    "phones null": lambda p: p.get("phones", 0) is None,
    "a bool for a list": lambda p: p.get("emails") is False or p.get("addresses") is False,
    "an object for a list": lambda p: (
        {} in (p.get("bankdetails"), p.get("phones"), p.get("emails"))
    ),
    "a bool for a text": lambda p: p.get("name1") is True or p.get("legal_form") is True,
    "a list for a text": lambda p: isinstance(p.get("name1"), list) or p.get("position") == [],
    "orders of another type": lambda p: p.get("orders", {}) in ("", [], False, "12"),
    "a category as a number": lambda p: p["category"] in (1, 2),
    "the mark as a number": lambda p: type(p.get("deleted")) is int,
    "the mark as text": lambda p: p.get("deleted") == "true",
    "the mark that says no": lambda p: p.get("deleted") == "false",
    "no mark": lambda p: "deleted" not in p,
    "no time of change": lambda p: p["changed_at"] is None,
    "time in UTC": lambda p: str(p["changed_at"]).endswith("Z"),
    "fractions of a second": lambda p: ".250" in str(p["changed_at"]),
    "one company as text": lambda p: isinstance(p.get("contact_of"), str) and p["contact_of"],
    "companies as numbers": lambda p: any(isinstance(e, int) for e in listed(p, "contact_of")),
    "several companies": lambda p: len(set(map(str, listed(p, "contact_of")))) > 1,
    "no company": lambda p: p.get("contact_of") == [],
    "null for a company": lambda p: p.get("contact_of") == [None],
    "an emoji": lambda p: "🙂" in text_of(p),
    "text that looks like a command": lambda p: "$result[" in text_of(p),
    "zero width": lambda p: "\u200b" in text_of(p) or "\ufeff" in text_of(p),
    "control characters": lambda p: re.search("[\x00\x07\x1f]", text_of(p)),
    "the byte 98": lambda p: "\x98" in text_of(p),
    "very long text": lambda p: len(str(p.get("name1"))) > 300,
    "one field for the name": lambda p: re.search(r"\w+ \w+ \w+", str(p.get("last_name"))),
    "initials": lambda p: re.search(r" \w\. ?\w\.", str(p.get("last_name"))),
    "a name in capitals": lambda p: str(p.get("last_name")).isupper(),
    "a name in small letters": lambda p: str(p.get("last_name")).islower(),
    "Latin letters": lambda p: re.search(CYRILLIC_AND_LATIN, str(p.get("last_name"))),
    "the letter ё": lambda p: "ё" in str(p.get("last_name")),
    "е for ё": lambda p: p.get("first_name") in ("Петр", "Федор", "Семен", "Артем", "Алена"),
    "only a first name": lambda p: p.get("last_name", 0) is None and p["first_name"],
    "nothing but a dash": lambda p: p.get("last_name") == "-",
    "several phones in a text": lambda p: any(
        isinstance(phone, str) and re.search(r"\d\d.*[,;/\n].*\d\d", phone, re.DOTALL)
        for phone in listed(p, "phones")
    ),
    "007": lambda p: any(str(phone).startswith("007") for phone in listed(p, "phones")),
    "8-800": lambda p: any("8-800-" in str(phone) for phone in listed(p, "phones")),
    "a broken mail": lambda p: any(" @" in str(email) for email in listed(p, "emails")),
    "a comma in a mail": lambda p: any(",example" in str(email) for email in listed(p, "emails")),
    "a tag in a mail": lambda p: any("+shop@" in str(email) for email in listed(p, "emails")),
    "several mails": lambda p: len(listed(p, "emails")) > 1,
}


def listed(partner, field):
    value = partner.get(field)
    return value if isinstance(value, list) else []


def text_of(partner):
    fields = ("name1", "name2", "last_name", "first_name", "middle_name")
    return " ".join(str(partner.get(field)) for field in fields)


@pytest.mark.parametrize("kind", IN_PARTNERS)
def test_damage_of_partners(partners, kind):
    assert any(IN_PARTNERS[kind](partner) for partner in partners)


def test_states_of_the_register(register):
    states = {record["state"]["status"] for record in register.values()}
    assert states == {"ACTIVE", "REORGANIZING", "LIQUIDATED", "LIQUIDATING", "BANKRUPT"}


def test_nobody_is_real(partners):
    mails = {value for p in partners for value in listed(p, "emails") if isinstance(value, str)}
    domains = {
        mail.rpartition("@")[2].strip(" .>\t\u200b").lower() for mail in mails if "@" in mail
    }
    assert {re.split("[.,]", domain)[-1] for domain in domains} == {"example", "ru", ""}
    assert {domain for domain in domains if domain.endswith("ru")} == {"1.ru"}
