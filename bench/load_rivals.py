"""The same load in two usual ways: fast-bitrix24's batches, and one call a record."""

import asyncio
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import requests
from fast_bitrix24 import BitrixAsync, srh, throttle
from fast_bitrix24.server_response import ErrorInServerResponseException

from bench.load_clock import LeapingClock
from bench.load_world import Records
from sandbox.bitrix24 import Bitrix24
from transforms.crm.api import mapping

Params = dict[str, Any]
_REFUSED = (429, 503)


class GaveUpError(Exception):
    """The way ended with an error of the portal and does not say which records are loaded."""


def _fm(record: Any) -> list[Params]:
    return [{"typeId": "PHONE", "valueType": "WORK", "value": number} for number in record.phones]


def _companies(records: Records) -> list[Params]:
    return [
        {
            "entityTypeId": mapping.COMPANY_TYPE,
            "fields": {
                "title": company.title, "fm": _fm(company),
                "originatorId": "svod", "originId": company.tin,
            },
        }
        for company in records.companies
    ]  # fmt: skip


def _contacts(records: Records, ids: dict[str, int]) -> list[Params]:
    return [
        {
            "entityTypeId": mapping.CONTACT_TYPE,
            "fields": {
                "lastName": contact.last_name, "name": contact.first_name, "fm": _fm(contact),
                "originatorId": "svod", "originId": contact.key,
                "companyIds": [ids[tin] for tin in contact.tins],
            },
        }
        for contact in records.contacts
    ]  # fmt: skip


def _requisites(portal: Bitrix24, records: Records, ids: dict[str, int]) -> list[Params]:
    presets = {str(preset["XML_ID"]): int(str(preset["ID"])) for preset in portal.state.presets}
    return [
        {
            "fields": {
                "ENTITY_TYPE_ID": mapping.COMPANY_TYPE, "ENTITY_ID": ids[company.tin],
                "XML_ID": xml_id, **fields,
            }
        }
        for company in records.companies
        for xml_id, fields in mapping.requisites(company, presets).items()
    ]  # fmt: skip


def _addresses_and_details(
    records: Records, ids: Sequence[int]
) -> tuple[list[Params], list[Params]]:
    """Returns the addresses and the bank details; ``ids`` are requisites, one for each company."""
    addresses = [
        {"fields": mapping.address_key(number) | mapping.address(company)}
        for company, number in zip(records.companies, ids, strict=True)
    ]
    details = [
        {"fields": {"ENTITY_ID": number, "XML_ID": xml_id} | fields}
        for company, number in zip(records.companies, ids, strict=True)
        for xml_id, fields in mapping.bank_details(company).items()
    ]
    return addresses, details


def with_fast_bitrix24(
    portal: Bitrix24, records: Records, operating: float, clock: LeapingClock
) -> None:
    """Loads by fast-bitrix24, with its own batches and pace on the portal's clock."""

    async def sleep(seconds: float) -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed: fast-bitrix24 has given up
                loop.call_soon_threadsafe(over.set)

        clock.call_after(seconds, wake)
        await over.wait()

    throttle.time = SimpleNamespace(monotonic=clock.now)
    throttle.asyncio = SimpleNamespace(sleep=sleep)
    srh.sleep = sleep

    async def load() -> None:
        # Errors in its other tasks are not reported: the records in the portal are counted.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        client = BitrixAsync(
            portal.webhook, verbose=False, operating_time_limit=int(operating), ssl=False
        )

        async def add(method: str, calls: Sequence[Params]) -> list[Any]:
            return list(await client.call(method, list(calls)))

        companies = await add("crm.item.add", _companies(records))
        tins = [company.tin for company in records.companies]
        ids = dict(zip(tins, map(_id, companies), strict=True))
        requisites = await add("crm.requisite.add", _requisites(portal, records, ids))
        addresses, details = _addresses_and_details(records, requisites)
        await add("crm.address.add", addresses)
        await add("crm.requisite.bankdetail.add", details)
        await add("crm.item.add", _contacts(records, ids))

    try:
        asyncio.run(load())
    except ErrorInServerResponseException:
        raise GaveUpError from None


def _id(answer: Any) -> int:
    item = answer.get("item", answer)
    return int(item["id"])


def with_one_call_a_record(
    portal: Bitrix24, records: Records, _: float, clock: LeapingClock
) -> None:
    """Sends one call a record, two a second; repeats a refused call after five seconds."""
    caller = _Caller(portal.webhook, clock)
    companies = caller.call_each("crm.item.add", _companies(records))
    tins = [company.tin for company in records.companies]
    ids = dict(zip(tins, map(_id, companies), strict=True))
    requisites = caller.call_each("crm.requisite.add", _requisites(portal, records, ids))
    addresses, details = _addresses_and_details(records, requisites)
    caller.call_each("crm.address.add", addresses)
    caller.call_each("crm.requisite.bankdetail.add", details)
    caller.call_each("crm.item.add", _contacts(records, ids))


class _Caller:
    def __init__(self, webhook: str, clock: LeapingClock) -> None:
        self._webhook, self._clock = webhook, clock
        self._session = requests.Session()
        self._lock = threading.Lock()
        self._next = clock.now()

    def call_each(self, method: str, calls: Iterable[Params]) -> list[Any]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda params: self._call(method, params), calls))

    def _call(self, method: str, params: Params) -> Any:
        while True:
            with self._lock:
                now = self._clock.now()
                self._next = max(self._next + 0.5, now)
            self._clock.sleep(self._next - now)
            answer = self._session.post(self._webhook + method, json=params, timeout=75)
            if answer.status_code not in _REFUSED:
                answer.raise_for_status()
                return answer.json()["result"]
            self._clock.sleep(5)
