"""The report's first screen: what happened, the numbers, and what to do now."""

from collections.abc import Iterator, Mapping, Sequence

from pipeline.report.base_queries import Waiting
from pipeline.report.history import PastRun
from pipeline.report.html import Html, fill, section
from pipeline.report.numbers import counted, duration, moment, number
from pipeline.report.refusals import BrokenInput
from pipeline.report.russian import REMEDIES, command, reason

_HEADLINES = {
    "good": ("Готово · код завершения 0", "{}: всё сделано"),
    "partly": ("Не полностью · код завершения 3", "{}: готово, но не всё"),
    "bad": ("Сбой", "{}: прогон не дошёл до конца"),
    "going": ("Идёт", "{}: ещё идёт"),
}


def header(run: PastRun) -> Html:
    """What happened, in words."""
    badge, headline = _HEADLINES[run.mood]
    seconds = run.seconds
    return fill(
        '<header class="top {}"><p class="badge">{}</p><h1>{}</h1><p class="lead">{}</p>'
        '<dl class="meta"><div><dt>Начало (МСК)</dt><dd>{}</dd></div>'
        "<div><dt>Длилось</dt><dd>{}</dd></div><div><dt>Прогон</dt><dd><code>{}</code></dd></div></dl></header>",
        run.mood,
        badge,
        headline.format(command(run.command)),
        _story(run),
        moment(run.started_at),
        "неизвестно" if seconds is None else duration(seconds),
        run.run_id,
    )


def _story(run: PastRun) -> str:
    if not run.summary:
        return (
            "Итогов этого прогона нет: он ещё не закончился или был прерван. Ниже — состояние базы."
        )
    read = run.read("companies") + run.read("contacts")
    changed = run.both("created") + run.both("updated")
    if not read:
        told = "Новых строк в магазинах не было."
    else:
        told = f"Прочитано {counted(read, 'строка', 'строки', 'строк')} двух магазинов."
    if not changed:
        return f"{told} В Битрикс24 ничего не изменилось."
    return (
        f"{told} В Битрикс24 создано {number(run.both('created'))}, обновлено"
        f" {number(run.both('updated'))}, без изменений осталось {number(run.both('unchanged'))}."
    )


def tiles(run: PastRun) -> Html:
    """The numbers that everybody asks for."""
    if not run.summary:
        return Html("")
    shown = [
        ("Строк прочитано", run.read("companies") + run.read("contacts"), "из магазинов A и B", ""),
        ("Компаний в Битрикс24", _loaded(run, "companies"), _changes(run, "companies"), ""),
        ("Контактов в Битрикс24", _loaded(run, "contacts"), _changes(run, "contacts"), ""),
        ("Отказано", run.both("invalid"), "строк с причиной", "#refusals"),
        ("Ждёт", run.waits, "строк возьмёт следующий прогон", "#waiting"),
        ("Отклонено порталом", run.both("rejected"), "записей", "#rejected"),
    ]
    return fill('<ul class="tiles">{}</ul>', [_tile(*values) for values in shown])


def _tile(name: str, value: int, under: str, link: str) -> Html:
    name_shown = fill('<a href="{}">{}</a>', link, name) if link else fill("{}", name)
    return fill(
        "<li><span class='name'>{}</span><strong>{}</strong><span class='under'>{}</span></li>",
        name_shown,
        number(value),
        under,
    )


def _loaded(run: PastRun, kind: str) -> int:
    return sum(run.outcome(kind, name) for name in ("created", "updated", "unchanged"))


def _changes(run: PastRun, kind: str) -> str:
    return (
        f"+{number(run.outcome(kind, 'created'))} новых,"
        f" {number(run.outcome(kind, 'updated'))} обновлено"
    )


def to_do(
    run: PastRun, broken: Sequence[BrokenInput], queues: Sequence[Waiting], rejected: int
) -> Html:
    """What a person should do now, the most urgent first."""
    steps = [*_about_run(run), *_about_input(broken), *_about_queues(queues)]
    if rejected:
        steps.append(
            fill(
                '<b>{}</b> портал не принял (<a href="#rejected">почему</a>). Исправьте данные'
                " в магазине или настройку портала, затем <code>svod replay</code>.",
                counted(rejected, "запись", "записи", "записей"),
            )
        )
    if left := int(run.summary.get("left_base", 0)):
        steps.append(
            fill(
                "<b>{}</b> в Битрикс24 больше не опираются на магазины. Svod сам ничего не удаляет:"
                " решите, что с ними делать; какие это, покажет <code>svod reconcile</code>.",
                counted(left, "запись", "записи", "записей"),
            )
        )
    steps += _about_doubts(run.summary.get("review", {}))
    if not steps:
        steps.append(Html("Ничего: всё, что можно было загрузить, загружено."))
    items = fill("<ol>{}</ol>", [fill("<li>{}</li>", step) for step in steps])
    return section("todo", "Что сделать", items)


def _about_doubts(waiting: Mapping[str, int]) -> Iterator[Html]:
    if contacts := waiting.get("contact", 0):
        yield fill(
            "<b>{}</b>, возможно, одни и те же люди. Решите: <code>svod review --page</code>.",
            counted(contacts, "пара контактов", "пары контактов", "пар контактов"),
        )
    if companies := waiting.get("company", 0):
        yield fill(
            "<b>{}</b> без ИНН похожи на известные компании. Подтвердите или отклоните:"
            " <code>svod review --page</code>; после «да» их контакты перейдут к компании.",
            counted(companies, "строка", "строки", "строк"),
        )


def _about_run(run: PastRun) -> list[Html]:
    remarks = run.summary.get("remarks", ())
    steps = [fill("<b>Программа сообщает:</b> {}", remark) for remark in remarks]
    if run.mood != "bad":
        return steps
    return [
        fill(
            "<b>Прогон прервался.</b> Причина — последнее сообщение программы в терминале или"
            " журнале. Запустите <code>svod {}</code> ещё раз: сделанное не повторяется и не"
            " теряется.",
            run.command,
        ),
        *steps,
    ]


def _about_input(broken: Sequence[BrokenInput]) -> list[Html]:
    files = sorted({part.origin for part in broken if part.origin.startswith("file:")})
    messages = sum(part.count for part in broken if not part.origin.startswith("file:"))
    steps: list[Html] = []
    if files:
        steps.append(
            fill(
                '<b>Повреждено: {}</b> (<a href="#broken">где</a>). Прочитано всё, что читалось.'
                " Выгрузите заново и запустите <code>svod full</code>.",
                counted(len(files), "файл", "файла", "файлов"),
            )
        )
    if messages:
        steps.append(
            fill(
                '<b>{}</b> не удалось разобрать (<a href="#broken">где</a>): передайте тем,'
                " кто ведёт выгрузку. Исходные байты — в таблице <code>invalid_messages</code>.",
                counted(messages, "сообщение", "сообщения", "сообщений"),
            )
        )
    return steps


def _urgency(code: str) -> int:
    known = list(REMEDIES)
    return known.index(code) if code in known else len(known)


def _about_queues(queues: Sequence[Waiting]) -> list[Html]:
    return [
        fill(
            "<b>{}: {}.</b> {}",
            reason(queue.reason),
            counted(queue.count, "строка", "строки", "строк"),
            REMEDIES.get(queue.reason, ""),
        )
        for queue in sorted(queues, key=lambda queue: _urgency(queue.reason))
    ]
