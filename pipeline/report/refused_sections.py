"""What did not get in: refusals, rejections, what waits, input that is broken."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pipeline.report.base_queries import Waiting
from pipeline.report.html import Html, fill, hint, section, table
from pipeline.report.numbers import counted, moment, number, percent
from pipeline.report.refusals import BrokenInput, Example, Refusal, Rejection
from pipeline.report.russian import BROKEN, KINDS, reason, with_code
from pipeline.report.svg import stacked_bar

_ROWS = ("строка", "строки", "строк")


def refusals(found: Mapping[str, Sequence[Refusal]]) -> Html:
    """Refused rows by reason, with examples."""
    return section(
        "refusals",
        "Почему отказано",
        hint(
            "Строки, которые видел этот прогон. В примерах <code>#</code> — цифра, <code>•</code> —"
            " буква; вся история строки: <code>svod explain A:17</code>."
        ),
        *(_refused_kind(kind, refused) for kind, refused in found.items()),
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
        "<ul class='legend'><li class='store-a'>A {}</li><li class='store-b'>B {}</li>"
        "<li class='plain'>впервые {}</li></ul>{}</li>",
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
    refs: dict[str, list[Html]] = defaultdict(list)
    for example in examples:
        refs[example.shown].append(fill("<code>{}</code> ", example.ref))
    return fill(
        "<details><summary>Примеры</summary><ul class='examples'>{}</ul></details>",
        [fill("<li>{}{}</li>", codes, shown) for shown, codes in refs.items()],
    )


def rejections(found: Sequence[Rejection]) -> Html:
    """What the portal did not take."""
    if not found:
        return section("rejected", "Что отклонил портал", Html("<p>Портал ничего не отклонил.</p>"))
    return section(
        "rejected",
        "Что отклонил портал",
        hint(
            "Слова портала; данные записи закрыты точками. Эти записи не посылаются снова, пока"
            " не изменятся или пока не дана команда <code>svod replay</code>."
        ),
        fill("<ul class='reasons'>{}</ul>", [_rejection(rejection) for rejection in found]),
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
            ("Что", "Причина", "Строк#", "С какого времени (МСК)"),
            [
                (
                    KINDS[queue.kind],
                    with_code(reason(queue.reason), queue.reason),
                    number(queue.count),
                    moment(queue.since),
                )
                for queue in found
            ],
        )
    return section("waiting", "Что ждёт", body)


def broken(inputs: Sequence[BrokenInput]) -> Html:
    """Files that were cut short and messages that are no records."""
    lines = [
        (
            part.origin.removeprefix("file:"),
            ", ".join(part.places) + (", …" if part.count > len(part.places) else ""),
            with_code(BROKEN.get(part.reason, part.reason), part.reason),
            number(part.count),
        )
        for part in inputs
    ]
    if not lines:
        body = Html("<p>Повреждённых файлов и сообщений нет.</p>")
    else:
        heads = ("Откуда", "Место", "Причина", "Сколько#")
        body = table("Повреждённый вход этого прогона", heads, lines)
    return section("broken", "Сломанные файлы и сообщения", body)
