"""Bulk files of the register: what they say, and how they may be broken."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from transforms.core.records import Address
from transforms.register import bulk
from transforms.register.answer import Answer
from transforms.register.bulk import BrokenDocument, Position, read_bulk

DECLARATION = '<?xml version="1.0" encoding="windows-1251"?>'
COMPANIES = ("7805746764", "7707083893", "7830002293", "7728168971")
PACKED = (2026, 9, 15, 12, 0, 0)
DAY = 86_400_000_000
# 2026-09-10 and 2026-09-15, midnight UTC.
EXTRACTED = 20_706 * DAY
PACKED_AT = 20_711 * DAY + DAY // 2


def company(tin: str = COMPANIES[0], inside: str = "", **attributes: str) -> str:
    named = {"ДатаВып": "2026-09-10", "ИНН": tin} | attributes
    attributes = " ".join(f'{name}="{value}"' for name, value in named.items() if value)
    return f"<СвЮЛ {attributes}>{inside}</СвЮЛ>"


def egrul(*documents: str) -> str:
    return f'{DECLARATION}<EGRUL ДатаВыг="2026-09-12">{"".join(documents)}</EGRUL>'


def wrapped(*documents: str) -> str:
    inside = "".join(f'<Документ ИдДок="1">{document}</Документ>' for document in documents)
    return f'{DECLARATION}\n<Файл ИдФайл="VO" КолДок="1">\n{inside}\n</Файл>\n'


def write(path: Path, *members: str | bytes) -> Path:
    """A zip archive whose members are called 0.xml, 1.xml, …"""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, member in enumerate(members):
            info = zipfile.ZipInfo(f"{number}.xml", PACKED)
            archive.writestr(info, member if isinstance(member, bytes) else member.encode("cp1251"))
    return path


def items(path: Path, start: Position = bulk.BEGINNING) -> list[Answer | BrokenDocument]:
    return [item for _, item in read_bulk(path, start)]


def read(tmp_path: Path, *members: str | bytes) -> list[Answer | BrokenDocument]:
    return items(write(tmp_path / "egrul.zip", *members))


def only(items: Iterable[Answer | BrokenDocument]) -> Answer:
    (answer,) = items
    assert isinstance(answer, Answer)
    return answer


def tins(items: Iterable[Answer | BrokenDocument]) -> list[str]:
    """The TINs of the answers, and the reasons where there is none."""
    return [item.tin if isinstance(item, Answer) else item.reason for item in items]


FULL = company(
    inside="""
    <СвНаимЮЛ НаимЮЛПолн="ОБЩЕСТВО С ОГРАНИЧЕННОЙ ОТВЕТСТВЕННОСТЬЮ &quot;ПР&quot;">
      <СвНаимЮЛСокр НаимСокр="ООО &quot;ПР&quot;"><ГРНДата ГРН="1"/></СвНаимЮЛСокр>
    </СвНаимЮЛ>
    <СвАдресЮЛ><АдресРФ Индекс="198096" КодРегион="78" Дом="Д. 5" Кварт="ПОМЕЩ. 3">
      <Регион ТипРегион="ГОРОД" НаимРегион="САНКТ-ПЕТЕРБУРГ"/>
      <Улица ТипУлица="УЛИЦА" НаимУлица="ЛЕСНАЯ"/>
      <ГРНДата ГРН="1" ДатаЗаписи="2019-03-20"/>
    </АдресРФ></СвАдресЮЛ>
    <СвУпрОрг><НаимИННЮЛ ИНН="7707083893" НаимЮЛПолн="ДРУГОЕ"/></СвУпрОрг>
    <СведДолжнФЛ><СвФЛ Фамилия="ЛЕСНОЙ" Имя="ПЁТР" Отчество="ИЛЬИЧ"/></СведДолжнФЛ>
    """,
    ОГРН="1197847066020",
    КПП="780501001",
)
FULL_ANSWER = Answer(
    tin="7805746764",
    verdict="active",
    status="ACTIVE",
    kpp="780501001",
    ogrn="1197847066020",
    short_name='ООО "ПР"',
    full_name='ОБЩЕСТВО С ОГРАНИЧЕННОЙ ОТВЕТСТВЕННОСТЬЮ "ПР"',
    director="ЛЕСНОЙ ПЁТР ИЛЬИЧ",
    address=Address(
        "198096, ГОРОД САНКТ-ПЕТЕРБУРГ, УЛИЦА ЛЕСНАЯ, Д. 5, ПОМЕЩ. 3",
        "198096",
        "ГОРОД САНКТ-ПЕТЕРБУРГ",
        "Санкт-Петербург",
    ),
    origin="bulk",
    as_of=EXTRACTED,
)


@pytest.mark.parametrize("form", [egrul, wrapped])
def test_a_company_is_read_whole_under_either_root(form, tmp_path: Path):
    assert read(tmp_path, form(FULL)) == [FULL_ANSWER]


@pytest.mark.parametrize(
    "xml",
    [
        egrul(FULL).encode("cp1251"),
        b"\xef\xbb\xbf" + egrul(FULL).replace("windows-1251", "utf-8").encode(),
        FULL.encode(),
        (DECLARATION + FULL).encode("cp1251"),
    ],
)
def test_a_bare_file_in_either_encoding(xml: bytes, tmp_path: Path):
    path = tmp_path / "egrul.xml"
    path.write_bytes(xml)
    assert items(path) == [FULL_ANSWER]


def test_an_address_in_the_other_notation(tmp_path: Path):
    address = """<СвАдресЮЛ><СвАдрЮЛФИАС ИдНом="1" Индекс="140000">
        <Регион>50</Регион><НаимРегион>МОСКОВСКАЯ ОБЛАСТЬ</НаимРегион>
        <МуниципРайон ВидКод="2" Наим="ЛЕСНОЙ РАЙОН"/><НаселенПункт Вид="г." Наим="ПРИМЕРСК"/>
        <ЭлУлДорСети Тип="ул." Наим="ЛЕСНАЯ"/><Здание Тип="д." Номер="5"/>
        </СвАдрЮЛФИАС></СвАдресЮЛ>"""
    assert only(read(tmp_path, egrul(company(inside=address)))).address == Address(
        "140000, МОСКОВСКАЯ ОБЛАСТЬ, ЛЕСНОЙ РАЙОН, г. ПРИМЕРСК, ул. ЛЕСНАЯ, д. 5",
        "140000",
        "МОСКОВСКАЯ ОБЛАСТЬ",
        "ПРИМЕРСК",
    )


def test_a_sole_proprietor(tmp_path: Path):
    person = '<СвФЛ Пол="1"><ФИОРус Фамилия="ЛЕСНОЙ" Имя="ПЁТР"/></СвФЛ>'
    document = f'<СвИП ДатаВып="2026-09-10" ОГРНИП="320000000000040" ИННФЛ="500000000100">{person}'
    running = only(read(tmp_path, egrul(document + "</СвИП>")))
    assert running == Answer(
        tin="500000000100",
        verdict="active",
        status="ACTIVE",
        ogrn="320000000000040",
        short_name="ИП ЛЕСНОЙ ПЁТР",
        full_name="Индивидуальный предприниматель ЛЕСНОЙ ПЁТР",
        origin="bulk",
        as_of=EXTRACTED,
    )
    end = '<СвПрекращ><СвСтатус КодСтатус="201" ДатаПрекращ="2020-01-01"/></СвПрекращ></СвИП>'
    ended = only(read(tmp_path, wrapped(document + end)))
    assert (ended.verdict, ended.status) == ("not_active", "LIQUIDATED")


def status(*codes: int | str) -> str:
    return "".join(
        f'<СвСтатус><СвСтатус КодСтатусЮЛ="{code}" НаимСтатусЮЛ="…"/><ГРНДата ГРН="1"/></СвСтатус>'
        for code in codes
    )


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("LIQUIDATING", [101, 102, 105, 106, 107, 110]),
        ("BANKRUPT", [113, 114, 115, 116, 117]),
        ("REORGANIZING", [124, 129]),
        ("ACTIVE", [111, 112, 121, 122, 123, 125, 131, 132, 133, 134, 136, 139]),
    ],
)
def test_each_status_code(name: str, codes: list[int], tmp_path: Path):
    verdict = "active" if name in ("ACTIVE", "REORGANIZING") else "not_active"
    items = read(tmp_path, egrul(*(company(inside=status(code)) for code in codes)))
    assert [(item.status, item.verdict) for item in items if isinstance(item, Answer)] == [
        (name, verdict)
    ] * len(codes)


@pytest.mark.parametrize(
    ("inside", "name"),
    [
        ("", "ACTIVE"),
        ("<СвСтатус/>", "ACTIVE"),
        (status(111, 124), "REORGANIZING"),
        (status(124, 117, 112), "BANKRUPT"),
        (status(113, 101), "LIQUIDATING"),
        (status(117, 999), "BANKRUPT"),
        ('<СвПрекрЮЛ ДатаПрекрЮЛ="2019-05-06"/>', "LIQUIDATED"),
        (status(111) + "<СвПрекрЮЛ/>", "LIQUIDATED"),
        # Statuses of the others in a reorganisation are not the company's own.
        (f"<СвРеорг>{status(117)}<СвПрекрЮЛ/></СвРеорг>", "ACTIVE"),
    ],
)
def test_the_worst_status_counts(inside: str, name: str, tmp_path: Path):
    assert only(read(tmp_path, egrul(company(inside=inside)))).status == name


@pytest.mark.parametrize("codes", [(999,), (111, 999), ("",), (201,)])
def test_a_status_code_that_nobody_knows_is_no_verdict(codes: tuple[int, ...], tmp_path: Path):
    items = read(tmp_path, egrul(company(inside=status(*codes)), company(COMPANIES[1])))
    expected = COMPANIES[0] if codes == ("",) else "has a status code that is not known"
    assert tins(items) == [expected, COMPANIES[1]]


def test_small_businesses_are_active(tmp_path: Path):
    head = '<Документ ИдДок="1" ДатаСост="10.09.2026" ВидСубМСП="1">'
    firm = '<ОргВклМСП НаимОрг="ООО &quot;ПР&quot;" ИННЮЛ="7805746764" ОГРН="1197847066020"/>'
    person = '<ФИОИП Фамилия="Лесной" Имя="Пётр" Отчество="Ильич"/>'
    own = f'<ИПВклМСП ИННФЛ="500000000100" ОГРНИП="320000000000040">{person}</ИПВклМСП>'
    sender = '<ИдОтпр><ФИООтв Фамилия="Б" Имя="В"/></ИдОтпр>'
    documents = f"{head}{firm}</Документ>{head}{own}</Документ>"
    assert read(tmp_path, f"{DECLARATION}<Файл>{sender}{documents}</Файл>") == [
        Answer(
            tin="7805746764",
            verdict="active",
            status="ACTIVE",
            ogrn="1197847066020",
            full_name='ООО "ПР"',
            origin="bulk",
            as_of=EXTRACTED,
        ),
        Answer(
            tin="500000000100",
            verdict="active",
            status="ACTIVE",
            ogrn="320000000000040",
            short_name="ИП Лесной Пётр Ильич",
            full_name="Индивидуальный предприниматель Лесной Пётр Ильич",
            origin="bulk",
            as_of=EXTRACTED,
        ),
    ]


@pytest.mark.parametrize(
    ("xml", "as_of"),
    [
        (egrul(company(ДатаВып="2026-09-10")), EXTRACTED),
        (egrul(company(ДатаВып="10.09.2026")), EXTRACTED),
        (egrul(company(ДатаВып="")), EXTRACTED + 2 * DAY),
        (egrul(company(ДатаВып="вчера")), EXTRACTED + 2 * DAY),
        (wrapped(company(ДатаВып="")), PACKED_AT),
    ],
)
def test_the_date_is_the_extracts_else_the_files(xml: str, as_of: int, tmp_path: Path):
    assert only(read(tmp_path, xml)).as_of == as_of


@pytest.mark.parametrize(
    ("tin", "expected"),
    [
        (" 7805746764 ", "7805746764"),
        ("ИНН 7805-746-764", "7805746764"),
        ("7805746765", "has a bad TIN"),
        ("0000000000", "has a bad TIN"),
        ("", "has no TIN"),
    ],
)
def test_tins_are_normalised(tin: str, expected: str, tmp_path: Path):
    assert tins(read(tmp_path, egrul(company(tin)))) == [expected]


BROKEN = [
    company(inside="<СвНаимЮЛ"),
    company(inside="<СвНаимЮЛ>"),
    company(inside='<СвНаимЮЛ НаимЮЛПолн="А & Б"/>'),
    company(inside='<СвНаимЮЛ НаимЮЛПолн="А < Б"/>'),
    company(inside="&eacute;"),
    company(inside="\x00"),
    company().removesuffix("</СвЮЛ>"),
    company() + "</СвЮЛ>",
    company().replace('"', ""),
]


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("form", [egrul, wrapped])
def test_a_broken_document_costs_only_itself(form, broken: str, tmp_path: Path):
    path = write(tmp_path / "egrul.zip", form(company(COMPANIES[1]), broken, company(COMPANIES[2])))
    first, middle, last = items(path)
    assert tins([first, last]) == [COMPANIES[1], COMPANIES[2]]
    assert middle == BrokenDocument("egrul.zip", "0.xml", "is broken XML")


def test_a_byte_that_is_no_letter_breaks_its_document_only(tmp_path: Path):
    xml = (
        egrul(company(inside="?"), company(COMPANIES[1]))
        .encode("cp1251")
        .replace(b">?<", b">\x98<")
    )
    assert tins(read(tmp_path, xml)) == ["is broken XML", COMPANIES[1]]


def test_a_file_that_was_cut_short_keeps_what_is_whole(tmp_path: Path):
    xml = egrul(company(COMPANIES[0]), company(COMPANIES[1])).encode("cp1251")
    assert tins(read(tmp_path, xml[:-30])) == [COMPANIES[0], "is broken XML"]


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (b"", "holds no document"),
        (b"\x00" * 1000, "holds no document"),
        (b"<html><body></body></html>", "holds no document"),
        (egrul().encode("cp1251"), "holds no document"),
        (egrul(FULL).encode("utf-16"), "holds no document"),
        (
            egrul(FULL).replace("windows-1251", "klingon").encode("cp1251"),
            "is broken before its first document",
        ),
        (wrapped("<Прочее/>").encode("cp1251"), "holds no company"),
        (
            egrul(FULL).replace(" ДатаВыг=", " ДатаВыг").encode("cp1251"),
            "is broken before its first document",
        ),
    ],
)
def test_xml_that_is_something_else_is_reported(xml: bytes, reason: str, tmp_path: Path):
    broken = BrokenDocument("egrul.zip", "0.xml", reason)
    second, third = egrul(company(COMPANIES[1])), egrul(company(COMPANIES[2]))
    items = read(tmp_path, xml, second, third)
    assert items[0] == broken
    assert tins(items[1:]) == [COMPANIES[1], COMPANIES[2]]


def test_a_bomb_does_not_go_off(tmp_path: Path):
    entities = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(12))
    bomb = f'{DECLARATION}<!DOCTYPE EGRUL [<!ENTITY a0 "ха">{entities}]>'
    bomb += f"<EGRUL>{company(inside='<СвНаимЮЛ>&a12;</СвНаимЮЛ>')}</EGRUL>"
    assert tins(read(tmp_path, bomb, egrul(FULL))) == [
        "has a document type declaration, which is not accepted",
        COMPANIES[0],
    ]


def test_a_document_without_an_end_is_not_collected_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bulk, "_BLOCK", 1000)
    monkeypatch.setattr(bulk, "_LARGEST", 5000)
    endless = egrul(company(COMPANIES[0]), company(COMPANIES[1], " " * 9000), company(COMPANIES[2]))
    assert tins(read(tmp_path, endless, " " * 9000, egrul(FULL))) == [
        COMPANIES[0],
        "holds a document that is too large; the rest was not read",
        "holds a document that is too large; the rest was not read",
        COMPANIES[0],
    ]


@pytest.mark.parametrize("block", [1, 2, 7, 50])
def test_documents_may_lie_across_blocks(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bulk, "_BLOCK", block)
    documents = [company(tin) for tin in COMPANIES]
    assert tins(read(tmp_path, egrul(*documents), wrapped(*documents))) == [*COMPANIES, *COMPANIES]


def test_reading_goes_on_where_it_was_cut_short(tmp_path: Path):
    broken = company().removesuffix("</СвЮЛ>")
    first = egrul(company(COMPANIES[0]), broken, company(COMPANIES[1]))
    path = write(tmp_path / "egrul.zip", first, "nothing", wrapped(*map(company, COMPANIES)))
    whole = list(read_bulk(path))
    assert [tuple(position) for position, _ in whole] == [
        (0, 0),
        (0, 1),
        (0, 2),
        (1, 0),
        (2, 0),
        (2, 1),
        (2, 2),
        (2, 3),
    ]
    for number, (position, _) in enumerate(whole):
        assert list(read_bulk(path, position)) == whole[number:]


def test_a_bare_file_is_taken_up_as_well(tmp_path: Path):
    path = tmp_path / "egrul.xml"
    path.write_text(egrul(*map(company, COMPANIES)), encoding="cp1251")
    assert tins(items(path, Position(0, 2))) == list(COMPANIES[2:])


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut short"])
def test_a_file_that_is_no_archive_is_reported(content: bytes, tmp_path: Path):
    path = tmp_path / "egrul.zip"
    path.write_bytes(content)
    reason = "is neither XML nor a whole zip archive"
    assert items(path) == [BrokenDocument("egrul.zip", "", reason)]


def test_an_archive_without_xml_is_reported(tmp_path: Path):
    path = tmp_path / "egrul.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
        archive.writestr("folder.xml/", "")
    assert items(path) == [BrokenDocument("egrul.zip", "", "holds no XML")]


def test_damage_in_the_archive_costs_its_member_only(tmp_path: Path):
    path = write(tmp_path / "egrul.zip", egrul(FULL), egrul(company(COMPANIES[1])))
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)
    assert items(path) == [
        BrokenDocument("egrul.zip", "0.xml", "cannot be unpacked to its end"),
        *items(write(tmp_path / "second.zip", egrul(company(COMPANIES[1])))),
    ]


def test_a_locked_member_is_reported(tmp_path: Path):
    path = write(tmp_path / "egrul.zip", egrul(FULL))
    content = bytearray(path.read_bytes())
    # Bit 0 of the flags says that there is a password: in the member's header and in the directory.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    broken = BrokenDocument("egrul.zip", "0.xml", "cannot be unpacked to its end")
    assert items(path) == [broken]


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        items(tmp_path / "egrul.zip")
