"""The outside services and the past: register, CRM, repairs by cleaning, the last runs."""

from collections.abc import Mapping, Sequence

from pipeline.report.base_queries import Minute, Verdicts
from pipeline.report.history import PastRun
from pipeline.report.html import Html, fill, hint, section, table
from pipeline.report.notes import Repair
from pipeline.report.numbers import clock, counted, duration, moment, number, percent
from pipeline.report.russian import FIELDS, PROBLEMS, STATUSES, command, with_code
from pipeline.report.svg import columns, over_time, stacked_bar

_CRM_RATE = 2.0
_POINTS = 120
_MOODS = {"good": "готово", "partly": "не полностью", "bad": "сбой", "going": "идёт"}


def register(run: PastRun, found: Verdicts) -> Html:
    """What the register says of the base, and what the questions cost."""
    answers = [
        ("Действует", found.active, "good"),
        *(
            (f"Не действует: {STATUSES.get(status, status or 'без статуса')}", count, "bad")
            for status, count in found.not_active.items()
        ),
        ("Нет в реестре", found.not_in_register, "absent"),
        ("Нет ответа", found.no_answer, "none"),
    ]
    most = max(count for _, count, _ in answers)
    whole = sum(count for _, count, _ in answers)
    bars = fill(
        "<ul class='reasons'>{}</ul>",
        [
            fill(
                "<li><p><span>{}</span><strong>{} <small>{}</small></strong></p>{}</li>",
                name,
                number(count),
                percent(count, whole),
                stacked_bar([(count, css)], most, f"{name}: {number(count)}"),
            )
            for name, count, css in answers
        ],
    )
    told = hint("ИНН всей базы, каждый один раз.")
    return section("register", "Что говорит реестр", told, bars, _questions(run))


def _questions(run: PastRun) -> Html:
    told = [
        ("Задано вопросов", "queries"),
        ("Ответ уже был в памяти", "cached"),
        ("Ответ из файлов реестра", "bulk"),
        ("Не спрошено: ИНН с неверными цифрами", "saved_by_control_digits"),
        ("Без ответа", "no_answer"),
    ]
    known = run.summary.get("register", {})
    return _numbers([(name, number(known[key])) for name, key in told if key in known])


def _numbers(pairs: Sequence[tuple[str, str]]) -> Html:
    return fill(
        "<dl class='numbers'>{}</dl>",
        [fill("<div><dt>{}</dt><dd>{}</dd></div>", name, value) for name, value in pairs],
    )


def crm(run: PastRun, minutes: Sequence[Minute]) -> Html:
    """Requests to the portal over time against what it allows."""
    rate = float(run.summary.get("crm", {}).get("rate", _CRM_RATE))
    requests = sum(minute.requests for minute in minutes) or run.told("crm", "requests")
    refused = sum(minute.refused for minute in minutes)
    waited = sum(minute.waited_ms for minute in minutes) / 1000
    return section(
        "crm",
        "Запросы к Битрикс24",
        _plot(minutes, rate * 60) if minutes else Html("<p>Запросов не было.</p>"),
        _numbers(
            [
                ("Запросов", number(requests)),
                ("Отказано порталом из-за частоты", number(refused)),
                ("Ждали своей очереди", duration(waited)),
            ]
        ),
    )


def _plot(minutes: Sequence[Minute], limit: float) -> Html:
    first, last = minutes[0].minute, minutes[-1].minute
    width = (last - first) // _POINTS + 1
    count = (last - first) // width + 1
    sent, refused = [0.0] * count, [0.0] * count
    for minute in minutes:
        sent[(minute.minute - first) // width] += minute.requests / width
        refused[(minute.minute - first) // width] += minute.refused / width
    most = 1.1 * max(limit, *sent)
    label = (
        f"Запросов в минуту с {clock(first)} до {clock(last + 1)}:"
        f" больше всего {number(round(max(sent)))}, предел {number(round(limit))}"
    )
    return fill(
        "<figure class='timeline'><figcaption>Запросов в минуту{}; линия — предел портала,"
        " {}</figcaption>{}<p class='axis'><span>{}</span><span>{}</span><span>{} МСК</span></p>"
        "</figure>",
        f", в среднем за {counted(width, 'минуту', 'минуты', 'минут')}" if width > 1 else "",
        number(round(limit)),
        over_time(sent, refused, limit, most, label),
        clock(first),
        clock((first + last + 1) // 2),
        clock(last + 1),
    )


def repairs(found: Sequence[Repair]) -> Html:
    """What cleaning dropped or repaired."""
    if not found:
        return Html("")
    lines = [
        (
            FIELDS.get(part.field, part.field),
            with_code(PROBLEMS.get(part.problem, part.problem), part.problem),
            number(part.count),
        )
        for part in found
    ]
    return section(
        "notes",
        "Что исправила или отбросила очистка",
        hint("Сами строки остались; что стояло в поле, покажет <code>svod explain</code>."),
        table(
            "Значения прочитанных строк, самые частые", ("Поле", "Что не так", "Значений#"), lines
        ),
    )


def past_runs(runs: Sequence[PastRun]) -> Html:
    """The last runs, newest first, and how refusals and changes went over them."""
    heads = (
        "Начало (МСК)",
        "Команда",
        "Итог",
        "Длилось",
        "Прочитано#",
        "Создано#",
        "Обновлено#",
        "Отказано#",
    )
    return section(
        "runs",
        "Последние прогоны",
        _trends(runs) if len(runs) > 1 else Html(""),
        table("Новые сверху", heads, [_past_run(run) for run in runs]),
    )


def _past_run(run: PastRun) -> Sequence[object]:
    seconds = run.seconds
    return (
        fill("<time>{}</time>", moment(run.started_at)),
        command(run.command),
        fill('<span class="dot {}">{}</span>', run.mood, _MOODS[run.mood]),
        "—" if seconds is None else duration(seconds),
        *(
            number(value) if run.summary else "—"
            for value in (
                run.read("companies") + run.read("contacts"),
                *(run.both(name) for name in ("created", "updated", "invalid")),
            )
        ),
    )


def _trends(runs: Sequence[PastRun]) -> Html:
    ordered = list(reversed(runs))
    series: Mapping[str, list[int]] = {
        "Прочитано": [run.read("companies") + run.read("contacts") for run in ordered],
        "Создано и обновлено": [run.both("created") + run.both("updated") for run in ordered],
        "Отказано": [run.both("invalid") for run in ordered],
    }
    return fill(
        '<div class="trends">{}</div>',
        [
            fill(
                "<figure><figcaption>{}</figcaption>{}</figure>",
                name,
                columns(
                    values,
                    max(values),
                    "trend",
                    f"{name} от старого прогона к новому: {', '.join(map(number, values))}",
                ),
            )
            for name, values in series.items()
        ],
    )
