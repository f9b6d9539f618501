"""What did not get in: refusals, rejections, what waits, input that is broken."""

from collections.abc import Mapping, Sequence

from pipeline.report.history import PastRun
from pipeline.report.html import Html, fill, table
from pipeline.report.numbers import counted, moment, number, percent
from pipeline.report.refusals import BrokenInput, Example, Refusal, Rejection
from pipeline.report.standing import Waiting
from pipeline.report.svg import stacked_bar
from pipeline.report.words import KINDS, REMEDIES, reason, with_code

_ROWS = ("строка", "строки", "строк")


def refusals(found: Mapping[str, Sequence[Refusal]]) -> Html:
    """Refused rows by reason, with examples."""
    return fill(
        '<section id="refusals" class="card"><h2>Почему отказано</h2><p class="hint">Строки, которые видел'
        " этот прогон. В примерах <code>#</code> — цифра, <code>•</code> — буква; вся история строки:"
        " <code>svod explain A:17</code>.</p>{}</section>",
        [_refused_kind(kind, refused) for kind, refused in found.items()],
    )


def _refused_kind(kind: str, found: Sequence[Refusal]) -> Html:
    whole = sum(refusal.count for refusal in found)
    if not found:
        return fill("<h3>{}</h3><p>Отказов нет.</p>", KINDS[kind])
    return fill(
        "<h3>{} <small>{}</small></h3><ul class='reasons'>{}</ul>",
        KINDS[kind],
        counted(whole, *_ROWS),
        [_refusal(refusal, whole, found[0].count) for refusal in found],
    )


def _refusal(refusal: Refusal, whole: int, most: int) -> Html:
    stores = [(refusal.by_source.get(source, 0), f"store-{source.lower()}") for source in "AB"]
    words = reason(refusal.reason, refusal.kind)
    return fill(
        "<li><p><span>{}</span><strong>{} <small>{}</small></strong></p>{}"
        "<p class='under'>A {} · B {} · впервые {}</p>{}</li>",
        with_code(words, refusal.reason),
        number(refusal.count),
        percent(refusal.count, whole),
        stacked_bar(stores, most, f"{words}: A {number(stores[0][0])}, B {number(stores[1][0])}"),
        number(stores[0][0]),
        number(stores[1][0]),
        number(refusal.fresh),
        _examples(refusal.examples),
    )


def _examples(examples: Sequence[Example]) -> Html:
    return fill(
        "<details><summary>Примеры</summary><ul class='examples'>{}</ul></details>",
        [fill("<li><code>{}</code> {}</li>", example.ref, example.shown) for example in examples],
    )


def rejections(found: Sequence[Rejection]) -> Html:
    """What the portal did not take."""
    if not found:
        body = Html("<p>Портал принял всё.</p>")
    else:
        body = fill(
            "<p class='hint'>Слова портала; данные записи закрыты точками. Эти записи не посылаются снова,"
            " пока не изменятся или пока не дана команда <code>svod replay</code>.</p>"
            "<ul class='reasons'>{}</ul>",
            [_rejection(rejection) for rejection in found],
        )
    return fill(
        '<section id="rejected" class="card"><h2>Что отклонил портал</h2>{}</section>', body
    )


def _rejection(rejection: Rejection) -> Html:
    return fill(
        "<li><p><span>{}: <code>{}</code></span><strong>{}</strong></p>{}</li>",
        KINDS[rejection.kind],
        rejection.reason or "без кода",
        number(rejection.count),
        _examples(rejection.examples),
    )


def queues(found: Sequence[Waiting]) -> Html:
    """What waits, since when, and what ends the wait."""
    if not found:
        body = Html("<p>Ничего не ждёт.</p>")
    else:
        body = table(
            "Очереди по причинам",
            ("Что", "Причина", "Строк#", "С какого времени (МСК)", "Что делать"),
            [
                (
                    KINDS[queue.kind],
                    with_code(reason(queue.reason), queue.reason),
                    number(queue.count),
                    moment(queue.since),
                    REMEDIES.get(queue.reason, ""),
                )
                for queue in found
            ],
        )
    return fill('<section id="waiting" class="card"><h2>Что ждёт</h2>{}</section>', body)


def broken(run: PastRun, inputs: Sequence[BrokenInput]) -> Html:
    """Files that were cut short and messages that are no records."""
    lines = [
        (file["file"], f"байт {number(int(file['offset']))}", file["reason"], "1")
        for file in run.summary.get("broken_files", ())
    ]
    told = {file["file"] for file in run.summary.get("broken_files", ())}
    lines += [
        (part.origin, ", ".join(part.places), part.reason, number(part.count))
        for part in inputs
        if part.origin not in told and part.origin.removeprefix("file:") not in told
    ]
    if not lines:
        body = Html("<p>Все файлы и сообщения прочитаны.</p>")
    else:
        heads = ("Откуда", "Место", "Причина", "Сколько#")
        body = table("Повреждённый вход этого прогона", heads, lines)
    return fill(
        '<section id="broken" class="card"><h2>Сломанные файлы и сообщения</h2>{}</section>', body
    )
