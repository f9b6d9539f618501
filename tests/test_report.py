"""The report's words and numbers; it names no person."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipeline.report import write_report
from pipeline.report.numbers import THIN
from pipeline.report.store_bars import overlap_parts
from tests.helpers.ledgers import TWO_STORES, open_ledger
from tests.helpers.report_ledger import CLOSED, GOOD, PERSONAL, filled_ledger
from transforms.core.identity import Run
from transforms.core.records import COMPANY
from transforms.core.stores import Store, Stores
from transforms.ledger import schema
from transforms.ledger.database import Ledger
from transforms.ledger.database import open_ledger as open_empty_ledger
from transforms.ledger.runs import finish_run, start_run
from transforms.ledger.stores import write_stores

_CLOSES = {"p", "li", "h1", "h2", "h3", "td", "th", "caption", "dt", "dd", "section", "figcaption"}


class Words(HTMLParser):
    """The text of each section of the page, a line for each block."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: dict[str, str] = {"": ""}
        self._at, self._skips = "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skips = tag in ("style", "title")
        if tag == "section":
            self._at = dict(attrs)["id"] or ""
            self.sections[self._at] = ""

    def handle_endtag(self, tag: str) -> None:
        self._skips = False
        if tag in _CLOSES:
            self.sections[self._at] += "\n"

    def handle_data(self, data: str) -> None:
        if not self._skips:
            self.sections[self._at] += data


def read(report: Path) -> dict[str, list[str]]:
    words = Words()
    words.feed(report.read_text(encoding="utf-8"))
    return {
        anchor: [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        for anchor, text in words.sections.items()
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, Run, Path]]:
    folder: Path = tmp_path_factory.mktemp("report")
    with filled_ledger(folder / "svod.db") as (ledger, run):
        yield ledger, run, write_report(ledger, run.run_id, folder / "new" / "report")


@pytest.fixture(scope="module")
def page(world: tuple[Ledger, Run, Path]) -> dict[str, list[str]]:
    return read(world[2])


def test_the_header_says_what_happened(page: dict[str, list[str]]) -> None:
    assert page[""][:3] == [
        "Не полностью · код завершения 3",
        "Полная загрузка: готово, но не всё",
        "Прочитано 14 строк двух магазинов. В Битрикс24 создано 2, обновлено 0, без изменений"
        " осталось 0.",
    ]


def test_what_to_do_comes_most_urgent_first(page: dict[str, list[str]]) -> None:
    assert page["todo"] == [
        "Что сделать",
        "Повреждено: 1 файл (где). Прочитано всё, что читалось. Выгрузите заново и запустите"
        " svod full.",
        "Реестр не ответил: 1 строка. Запустите прогон ещё раз, когда реестр отвечает или появится"
        " суточный лимит. Ответы можно загрузить и файлами: svod register import.",
        "Компания контакта ещё не пришла: 1 строка. Делать ничего не нужно: контакт загрузится,"
        " когда придёт его компания. Если ждёт долго, проверьте привязку в магазине.",
        "1 запись портал не принял (почему). Исправьте данные в магазине или настройку портала,"
        " затем svod replay.",
    ]


def test_the_funnel_adds_up(page: dict[str, list[str]]) -> None:
    assert page["funnel"] == [
        "От строк магазинов до записей в Битрикс24",
        "Компании",
        *("Строк прочитано8", "отказано 5 · ждёт 1", "Прошли проверку2", "слилось с дубликатами 1"),
        *("Разных компаний1", "В Битрикс241"),
        "Контакты",
        *("Строк прочитано6", "отказано 2 · ждёт 1", "Прошли проверку3", "слилось с дубликатами 1"),
        *("Разных людей2", "отклонил портал 1", "В Битрикс241"),
    ]


def test_refusals_stand_by_reason_with_masked_examples(page: dict[str, list[str]]) -> None:
    assert page["refusals"][2:] == [
        "Компании 5 строк",
        "На месте ИНН стоит не ИНН bad_tin_format2 40 %",
        *("A 2", "B 0", "впервые 2"),
        "ПримерыA:19 +# ### ###-##-##",
        "A:22 <••••••>•••••('•••••••')</••••••>",
        "Контрольные цифры ИНН не сходятся bad_tin_checksum1 20 %",
        *("A 1", "B 0", "впервые 1", "ПримерыA:18 ##########"),
        "Компания не действует not_active1 20 %",
        *("A 1", "B 0", "впервые 1", f"ПримерыA:20 {CLOSED} · ликвидирована"),
        "В реестре такой компании нет not_in_register1 20 %",
        *("A 0", "B 1", "впервые 1", "ПримерыB:0001000124 7702070139"),
        "Контакты 2 строки",
        "Все компании контакта отказаны company_refused1 50 %",
        *("A 1", "B 0", "впервые 1", "ПримерыA:4"),
        "Контакт не привязан ни к одной компании no_company1 50 %",
        *("A 1", "B 0", "впервые 1", "ПримерыA:3"),
    ]


def test_the_stores_stand_side_by_side(page: dict[str, list[str]]) -> None:
    companies = page["stores"][1 : page["stores"].index("Строки магазинов", 2)]
    assert companies == [
        *("Строки магазинов", "Компании", "A", "B"),
        *("Прочитано сейчас", "6", "2"),
        *("Вошло в базу", "1 17 %", "1 50 %"),
        *("Отказано", "4 67 %", "1 50 %"),
        *("Ждёт", "1 17 %", "0 0 %"),
        "Компании базы по магазинам",
        *("Только в A 0 0 %", "В обоих 1 100 %", "Только в B 0 0 %"),
    ]


def test_the_registers_answers_and_their_cost(page: dict[str, list[str]]) -> None:
    assert page["register"] == [
        "Что говорит реестр",
        "ИНН всей базы, каждый один раз.",
        "Действует1 25 %",
        "Не действует: ликвидирована1 25 %",
        "Нет в реестре1 25 %",
        "Нет ответа1 25 %",
        *("Задано вопросов", "2", "Ответ уже был в памяти", "0", "Ответ из файлов реестра", "1"),
        *("Не спрошено: ИНН с неверными цифрами", "3", "Без ответа", "1"),
    ]


def test_requests_stand_against_the_limit(page: dict[str, list[str]]) -> None:
    assert page["crm"][1] == "Запросов в минуту; линия — предел портала, 120"
    assert page["crm"][3:] == [
        *("Запросов", "240"),
        *("Отказано порталом из-за частоты", "2"),
        *("Ждали своей очереди", "4 с"),
    ]


def test_the_portals_words_hide_the_record(page: dict[str, list[str]]) -> None:
    assert page["rejected"][2:] == [
        "Контакты: ERROR_CORE1",
        "ПримерыA-6 Поле «Телефон» •••••••• не подошло: +# ### ###-##-## •••••('•••••••') •••",
    ]


def test_what_waits_what_is_broken_and_what_was_repaired(
    page: dict[str, list[str]], world: tuple[Ledger, Run, Path]
) -> None:
    assert [line for line in page["waiting"] if "_" in line] == [
        "Реестр не ответил register_no_answer",
        "Компания контакта ещё не пришла waiting_for_company",
    ]
    assert page["broken"][-4:] == [
        "partners<1>.json",
        f"байт {THIN.join(('18', '273', '645'))}".replace(THIN, " "),
        "файл обрывается file_cut",
        "1",
    ]
    assert page["notes"][-6:] == [
        *("Телефон", "неполный номер incomplete", "1"),
        *("Телефон", "не читается unreadable", "1"),
    ]
    assert page["runs"][-16:-14] == ["Полная загрузка", "не полностью"]
    assert page["runs"][-8:-1] == ["Загрузка изменений", "сбой", "—", "—", "—", "—", "—"]


def test_it_names_nobody(world: tuple[Ledger, Run, Path]) -> None:
    report = world[2]
    for path in (report, report.with_name("summary.json")):
        text = path.read_text(encoding="utf-8").casefold()
        assert [word for word in PERSONAL if word.casefold() in text] == []
    assert GOOD not in report.read_text(encoding="utf-8")


def test_it_needs_nothing_from_elsewhere(world: tuple[Ledger, Run, Path]) -> None:
    text = world[2].read_text(encoding="utf-8")
    assert re.findall(r"https?:|//|@import|url\(", text) == []
    assert "<script" not in text
    assert sorted(path.name for path in world[2].parent.iterdir()) == [
        "report.html",
        "summary.json",
    ]


def test_the_summarys_numbers_add_up(world: tuple[Ledger, Run, Path]) -> None:
    summary = json.loads(world[2].with_name("summary.json").read_text(encoding="utf-8"))
    assert summary["status"] == "incomplete"
    for kind, waits in (("companies", "deferred"), ("contacts", "waiting")):
        counts = summary[kind]
        read_rows = sum(store[kind] for store in summary["read"].values())
        assert read_rows == counts["valid"] + sum(counts["invalid"].values()) + counts[waits]
        assert counts["golden"] == sum(
            counts[name] for name in ("created", "updated", "unchanged", "rejected", "not_reached")
        )


def test_a_run_without_numbers_says_so(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'svod.db'}")
    try:
        run = start_run(ledger, "full")
        going = read(write_report(ledger, run.run_id, tmp_path))
        finish_run(ledger, run, "failed", None)
        failed = read(write_report(ledger, run.run_id, tmp_path))
    finally:
        ledger.close()
    assert going[""][:2] == ["Идёт", "Полная загрузка: ещё идёт"]
    assert failed[""][:2] == ["Сбой", "Полная загрузка: прогон не дошёл до конца"]
    assert failed["todo"][1].startswith("Прогон прервался.")
    assert failed["crm"] == ["Запросы к Битрикс24", "Запросов не было.", *failed["crm"][2:]]
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary == {
        "run_id": run.run_id,
        "command": "full",
        "status": "failed",
        "seconds": summary["seconds"],
    }


def test_a_run_that_changed_nothing_is_good_news(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'svod.db'}")
    counts = {"valid": 5, "invalid": {}, "golden": 5, "unchanged": 5, "rejected": 0}
    summary = {
        "read": {"A": {"companies": 5, "contacts": 0}, "B": {"companies": 0, "contacts": 0}},
        "companies": counts,
        "contacts": {"valid": 0, "invalid": {}, "golden": 900, "unchanged": 899, "updated": 1},
    }
    try:
        run = start_run(ledger, "delta")
        finish_run(ledger, run, "done", summary)
        page = read(write_report(ledger, run.run_id, tmp_path))
    finally:
        ledger.close()
    assert page[""][:2] == ["Готово · код завершения 0", "Загрузка изменений: всё сделано"]
    assert page["todo"][1:] == ["Ничего: всё, что можно было загрузить, загружено."]
    # The base holds more than this run has read: no funnel can be drawn down to it.
    assert page["funnel"][-3:] == [
        *("Строк прочитано0", "Прошли проверку0", "Создано и обновлено1")
    ]


def test_an_unknown_run_is_an_error(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'svod.db'}")
    try:
        with pytest.raises(LookupError, match="the ledger knows no run nowhere"):
            write_report(ledger, "nowhere", tmp_path)
    finally:
        ledger.close()


def test_hours_of_requests_are_drawn_as_averages(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'svod.db'}")
    try:
        run = start_run(ledger, "full")
        with ledger.write() as connection:
            connection.execute(
                schema.crm_usage.insert(),
                [
                    {
                        "run_id": run.run_id,
                        "minute": 29_000_000 + minute,
                        "requests": 100,
                        "refused": 0,
                        "waited_ms": 0,
                    }
                    for minute in range(600)
                ],
            )
        report = write_report(ledger, run.run_id, tmp_path)
    finally:
        ledger.close()
    text = report.read_text(encoding="utf-8")
    assert "Запросов в минуту, в среднем за 5 минут; линия" in text
    assert text.count('<rect class="bar"') == 120
    assert "больше всего 100, предел 120" in text


def member(source: str, key: str) -> dict[str, str]:
    return {"kind": COMPANY, "source": source, "source_id": f"{source}{key}", "key": key}


def refused(source: str, run: Run) -> dict[str, str]:
    return {
        "source": source,
        "source_id": "1",
        "reason": "missing_tin",
        "detail": "",
        "first_seen_at": run.started_at,
        "last_seen_at": run.started_at,
        "run_id": run.run_id,
    }


def test_three_stores_stand_side_by_side(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'svod.db'}")
    third = Store("C", "Оптовый <склад>", 2, last_read_wins=True)
    combinations = ["A", "A", "ABC", "AB", "BC", "BC", "C", "C", "C"]
    counts = {"companies": 5, "contacts": 0}
    summary = {"read": dict.fromkeys("ABC", counts), "companies": {}, "contacts": {}}
    try:
        run = start_run(ledger, "full")
        with ledger.write() as connection:
            connection.execute(
                schema.members.insert(),
                [
                    member(source, str(key))
                    for key, sources in enumerate(combinations)
                    for source in sources
                ],
            )
            connection.execute(
                schema.invalid_companies.insert(), [refused("B", run), refused("C", run)]
            )
        finish_run(ledger, run, "done", summary)
        write_stores(ledger, Stores([*TWO_STORES, third]))
        report = write_report(ledger, run.run_id, tmp_path)
    finally:
        ledger.close()
    page = read(report)
    assert page[""][2].startswith("Прочитано 15 строк трёх магазинов.")
    assert "Строк прочитано15из магазинов A, B и C" in page[""]
    assert page["stores"][1] == "C — Оптовый <склад>"
    companies = page["stores"][2 : page["stores"].index("Строки магазинов", 3)]
    assert companies == [
        *("Строки магазинов", "Компании", "A", "B", "C"),
        *("Прочитано сейчас", "5", "5", "5"),
        *("Вошло в базу", "4 100 %", "4 80 %", "6 86 %"),
        *("Отказано", "0 0 %", "1 20 %", "1 14 %"),
        *("Ждёт", "0 0 %", "0 0 %", "0 0 %"),
        "Компании базы по магазинам",
        *("Только в A 2 22 %", "В A и B 1 11 %", "Во всех 1 11 %", "Только в B 0 0 %"),
        *("В B и C 2 22 %", "Только в C 3 33 %"),
    ]
    legend = page["refusals"].index("A 0")
    assert page["refusals"][legend : legend + 4] == ["A 0", "B 1", "C 1", "впервые 2"]


@pytest.mark.parametrize("count", [1, 9])
def test_one_store_or_nine(tmp_path: Path, count: int) -> None:
    ledger = open_empty_ledger(f"sqlite:///{tmp_path / 'svod.db'}")
    keys = [f"shop_{number}" for number in range(1, count + 1)]
    read_now = {"companies": 2, "contacts": 0}
    summary = {
        "read": dict.fromkeys(keys, read_now),
        "gone": 1,
        "left": 2,
        "companies": {},
        "contacts": {},
    }
    try:
        write_stores(ledger, Stores(Store(key, f"Магазин {key[-1]}") for key in keys))
        run = start_run(ledger, "full")
        with ledger.write() as connection:
            connection.execute(
                schema.members.insert(),
                [member(key, "0") for key in keys] + [member(keys[-1], "1")],
            )
        finish_run(ledger, run, "done", summary)
        page = read(write_report(ledger, run.run_id, tmp_path))
    finally:
        ledger.close()
    assert f"Прочитано {2 * count} строк" in page[""][2]
    assert "больше нет 1 известной строки. Из базы вышло 2 записи." in " ".join(page[""][2].split())
    assert page["stores"][1].startswith("shop_1 — Магазин 1")
    heads = page["stores"].index("Компании")
    assert page["stores"][heads + 1 : heads + 1 + count] == keys
    overlap = [word for word in page["stores"] if word.startswith(("Только в ", "Во всех"))]
    assert len(overlap) == (0 if count == 1 else count + 1)
    if count > 1:
        assert "Только в shop_9 1 50 %" in overlap
        assert "Во всех 1 50 %" in overlap


def test_rare_combinations_of_stores_share_a_part() -> None:
    stores = [Store(key, key, place, last_read_wins=True) for place, key in enumerate("ABCDE")]
    counts = {(first, second): 9 for first in "ABC" for second in "CDE" if first < second}
    counts |= {("A", "B"): 1, ("A", "B", "C"): 2, (): 3}
    parts = {part.title: part.count for part in overlap_parts(counts, stores)}
    assert list(parts)[:4] == ["Только в A", "Во всех", "В A и C", "В A и D"]
    assert parts["В других сочетаниях"] == sum(counts.values()) - 5 * 9
    assert sum(parts.values()) == sum(counts.values())
    assert len({part.style for part in overlap_parts(counts, stores)}) == len(parts)
