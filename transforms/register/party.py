"""Reading answers of ``findById/party`` without trusting any type in them."""

from typing import Any

from transforms.core.records import Address
from transforms.fields import tin as inn
from transforms.register.answer import (
    ACTIVE,
    NOT_IN_REGISTER,
    QUERY,
    Answer,
    NoAnswer,
    day_of,
    join,
    kpp_of,
    ogrn_of,
    okved_of,
    plain,
    verdict_of,
)


def parse_party(tin: str, payload: object, as_of: int) -> Answer | NoAnswer:
    """The answer in the decoded JSON of a reply with status 200.

    Only an empty list of suggestions means "not in the register". What is not understood (no list,
    another company, a status that the register does not have) is ``NoAnswer("nonsense")``.
    ``as_of`` is when the reply arrived, in microseconds since the epoch.
    """
    suggestions = payload.get("suggestions") if isinstance(payload, dict) else None
    if suggestions == []:
        return Answer(tin, NOT_IN_REGISTER, as_of=as_of)
    parties = _parties(tin, suggestions) if isinstance(suggestions, list) else []
    answers = [answer for data in parties if (answer := _answer(tin, data, as_of))]
    if not answers or len(answers) < len(parties):
        return NoAnswer("nonsense")
    # A sole proprietor who registered again has two entries: the active one counts.
    return next((answer for answer in answers if answer.verdict == ACTIVE), answers[0])


def _parties(tin: str, suggestions: list[Any]) -> list[dict[Any, Any]]:
    """The entries about this very TIN, branches left out."""
    entries = [_part(entry, "data") for entry in suggestions]
    return [
        data
        for data in entries
        if inn.parse(data.get("inn")).tin == tin and data.get("branch_type") in ("MAIN", None)
    ]


def _answer(tin: str, data: dict[Any, Any], as_of: int) -> Answer | None:
    status = _part(data, "state").get("status")
    verdict = verdict_of(status)
    if verdict is None:
        return None
    name, fio = _part(data, "name"), _part(data, "fio")
    person = join(fio.get("surname"), fio.get("name"), fio.get("patronymic"))
    return Answer(
        tin=tin,
        verdict=verdict,
        status=plain(status),
        kpp=kpp_of(data.get("kpp")),
        ogrn=ogrn_of(data.get("ogrn")),
        short_name=f"ИП {person}" if person else plain(name.get("short_with_opf")),
        full_name=plain(name.get("full_with_opf")),
        director=plain(_part(data, "management").get("name")),
        address=_address(_part(data, "address")),
        origin=QUERY,
        as_of=as_of,
        status_on=_status_day(_part(data, "state")),
        okved=okved_of(data.get("okved")),
        since=_day(_part(data, "state").get("registration_date")) or _day(data.get("ogrn_date")),
        until=_day(_part(data, "state").get("liquidation_date")),
    )


def _status_day(state: dict[Any, Any]) -> str:
    """The day from which the status holds: of a company that is gone, the day of its end."""
    end = _day(state.get("liquidation_date")) if state.get("status") == "LIQUIDATED" else ""
    return end or _day(state.get("actuality_date"))


def _day(milliseconds: object) -> str:
    """The day of milliseconds since the epoch; empty for anything else."""
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool):
        return ""
    return day_of(milliseconds * 1000)


def _address(address: dict[Any, Any]) -> Address:
    data = _part(address, "data")
    return Address(
        text=plain(address.get("value")),
        postal_code=plain(data.get("postal_code")),
        region=plain(data.get("region_with_type")),
        city=plain(data.get("city")),
    )


def _part(data: object, name: str) -> dict[Any, Any]:
    """The object called ``name`` inside ``data``; empty when either is something else."""
    part = data.get(name) if isinstance(data, dict) else None
    return part if isinstance(part, dict) else {}
