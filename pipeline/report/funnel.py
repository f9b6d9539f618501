"""The way from rows to records, and the two stores side by side."""

from collections.abc import Mapping, Sequence

from pipeline.report.base_queries import Overlap, StoreRows, Waiting
from pipeline.report.history import PastRun
from pipeline.report.html import Html, fill, section, table
from pipeline.report.numbers import number, percent
from pipeline.report.russian import KINDS
from pipeline.report.svg import funnel_step, stacked_bar
from transforms.core.outcomes import CRM_NOT_REACHED

_PLURALS = {"company": "companies", "contact": "contacts"}
_MERGED = {"company": "Разных компаний", "contact": "Разных людей"}
_DELAYS = {"company": "deferred", "contact": "waiting"}


def funnels(run: PastRun, queues: Sequence[Waiting]) -> Html:
    """How many rows each stage lets through, and what became of the others."""
    if not run.summary:
        return Html("")
    held = sum(
        queue.count
        for queue in queues
        if (queue.kind, queue.reason) == ("company", CRM_NOT_REACHED)
    )
    steps = {
        "company": _steps(run, "company", min(held, run.outcome("companies", "deferred"))),
        # Good contacts that did not reach the CRM are counted as valid already.
        "contact": _steps(run, "contact", 0),
    }
    pair = fill('<div class="pair">{}</div>', [_funnel(*item) for item in steps.items()])
    return section("funnel", "От строк магазинов до записей в Битрикс24", pair)


def _funnel(kind: str, steps: Sequence[tuple[str, int, str]]) -> Html:
    most = max(value for _, value, _ in steps)
    followers = [*(value for _, value, _ in steps[1:]), None]
    return fill(
        "<div><h3>{}</h3><ol class='funnel'>{}</ol></div>",
        KINDS[kind],
        [
            fill(
                "<li><p><span>{}</span><strong>{}</strong></p>{}{}</li>",
                name,
                number(value),
                funnel_step(value, following, most, f"{name}: {number(value)}"),
                fill("<p class='lost'>{}</p>", lost) if lost else "",
            )
            for (name, value, lost), following in zip(steps, followers, strict=True)
        ],
    )


def _steps(run: PastRun, kind: str, held: int) -> list[tuple[str, int, str]]:
    """Each stage's name, its number, and what is lost on the way to the next one.

    ``held`` rows are good but were deferred because their record did not reach the CRM.
    """
    name = _PLURALS[kind]
    passed, golden = run.outcome(name, "valid") + held, run.outcome(name, "golden")
    waits = run.outcome(name, _DELAYS[kind]) - held
    lost = _lost({"отказано": run.outcome(name, "invalid"), "ждёт": waits})
    steps = [("Строк прочитано", run.read(name), lost)]
    created, updated = run.outcome(name, "created"), run.outcome(name, "updated")
    if golden > passed:
        # The base is larger than what this run has read: only what it changed can be compared.
        return [
            *steps,
            ("Прошли проверку", passed, ""),
            ("Создано и обновлено", created + updated, ""),
        ]
    stopped = {
        "отклонил портал": run.outcome(name, "rejected"),
        "ещё не отправлено": run.outcome(name, "not_reached"),
    }
    return [
        *steps,
        ("Прошли проверку", passed, _lost({"слилось с дубликатами": passed - golden})),
        (_MERGED[kind], golden, _lost(stopped)),
        ("В Битрикс24", created + updated + run.outcome(name, "unchanged"), ""),
    ]


def _lost(parts: Mapping[str, int]) -> str:
    return " · ".join(f"{name} {number(count)}" for name, count in parts.items() if count)


def stores(
    run: PastRun,
    rows: Mapping[tuple[str, str], StoreRows],
    overlaps: Mapping[str, Overlap],
) -> Html:
    """Both stores: what was read now, how all their known rows stand, what they have in common."""
    pair = [_stores_kind(run, kind, rows, overlaps[kind]) for kind in KINDS]
    return section("stores", "Магазины рядом", fill('<div class="pair">{}</div>', pair))


def _stores_kind(
    run: PastRun, kind: str, rows: Mapping[tuple[str, str], StoreRows], overlap: Overlap
) -> Html:
    pair = [rows[kind, source] for source in "AB"]
    read = run.summary.get("read", {})
    lines = [
        ("Прочитано сейчас", *(number(read.get(s, {}).get(_PLURALS[kind], 0)) for s in "AB")),
        ("Вошло в базу", *(_of_known(part.loaded, part) for part in pair)),
        ("Отказано", *(_of_known(part.refused, part) for part in pair)),
        ("Ждёт", *(_of_known(part.waiting, part) for part in pair)),
    ]
    shown = table("Строки магазинов", (KINDS[kind], "A#", "B#"), lines)
    return fill("<div>{}{}</div>", shown, _overlap(kind, overlap))


def _of_known(count: int, rows: StoreRows) -> Html:
    known = rows.loaded + rows.refused + rows.waiting
    return fill("{} <small>{}</small>", number(count), percent(count, known))


def _overlap(kind: str, overlap: Overlap) -> Html:
    parts = [
        ("Только в A", overlap.only_a, "store-a"),
        ("В обоих", overlap.both, "store-ab"),
        ("Только в B", overlap.only_b, "store-b"),
    ]
    whole = sum(value for _, value, _ in parts)
    if not whole:
        return Html("")
    label = ", ".join(f"{name}: {number(value)}" for name, value, _ in parts)
    return fill(
        "<figure><figcaption>{} базы по магазинам</figcaption>{}"
        "<ul class='legend'>{}</ul></figure>",
        KINDS[kind],
        stacked_bar([(value, css) for _, value, css in parts], whole, label),
        [
            fill(
                "<li class='{}'>{} <b>{}</b> <small>{}</small></li>",
                css,
                name,
                number(value),
                percent(value, whole),
            )
            for name, value, css in parts
        ],
    )
