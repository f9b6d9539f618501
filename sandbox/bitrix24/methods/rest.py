"""The dispatcher: finds a call's method, checks limits, runs it, and charges its time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import Answer, RestError
from sandbox.bitrix24.faults import Faults
from sandbox.bitrix24.limits import OperatingTime, cost_of
from sandbox.bitrix24.methods.addresses import Addresses
from sandbox.bitrix24.methods.batch import run_batch, split_command
from sandbox.bitrix24.methods.items import Items
from sandbox.bitrix24.methods.links import Links
from sandbox.bitrix24.methods.requisites import Requisites, list_presets
from sandbox.bitrix24.methods.user_fields import UserFields
from sandbox.bitrix24.methods.users import current_user, list_users
from sandbox.bitrix24.tables.state import State

Method = Callable[[dict[str, Any]], Answer]
Billing = Literal["commands", "batch"]
SCOPE = ("crm", "user_basic")


def methods_of(state: State, faults: Faults) -> dict[str, Method]:
    """Returns all methods of a portal by name, except ``batch``."""
    items, links, addresses = Items(state, faults), Links(state), Addresses(state)
    company_fields, contact_fields = UserFields(state, "companies"), UserFields(state, "contacts")
    requisites = Requisites(state, faults, "requisites")
    bank_details = Requisites(state, faults, "bank_details")
    return {
        "crm.item.fields": items.describe,
        "crm.item.list": items.page,
        "crm.item.get": items.get,
        "crm.item.add": items.add,
        "crm.item.update": items.update,
        "crm.item.delete": items.delete,
        "crm.item.batchImport": items.batch_import,
        "crm.contact.company.add": links.add,
        "crm.contact.company.delete": links.delete,
        "crm.contact.company.items.get": links.get_items,
        "crm.contact.company.items.set": links.set_items,
        **_record_methods("crm.requisite", requisites),
        **_record_methods("crm.requisite.bankdetail", bank_details),
        "crm.company.userfield.add": company_fields.add,
        "crm.company.userfield.list": company_fields.page,
        "crm.contact.userfield.add": contact_fields.add,
        "crm.contact.userfield.list": contact_fields.page,
        "user.get": lambda params: list_users(state, params),
        "crm.requisite.preset.list": lambda params: list_presets(state, params),
        "crm.address.add": addresses.add,
        "crm.address.update": addresses.update,
        "crm.address.list": addresses.page,
        "profile": current_user,
        "user.current": current_user,
        "scope": lambda _: Answer(list(SCOPE)),
        "app.info": lambda _: Answer({"SCOPE": list(SCOPE), "LICENSE": "ru_project"}),
        "server.time": lambda _: Answer(state.timestamp()),
    }


def _record_methods(prefix: str, records: Requisites) -> dict[str, Method]:
    return {
        f"{prefix}.fields": records.describe,
        f"{prefix}.add": records.add,
        f"{prefix}.update": records.update,
        f"{prefix}.get": records.get,
        f"{prefix}.list": records.page,
        f"{prefix}.delete": records.delete,
    }


@dataclass
class Rest:
    """The methods of one portal with its limit on working time; ``operating`` None: no limit.

    ``billing`` "commands" charges a batch's commands to their own methods, "batch" to ``batch``.
    """

    state: State
    faults: Faults
    operating: OperatingTime | None
    billing: Billing
    costs: Mapping[str, tuple[float, float]]
    max_vars: int
    _methods: dict[str, tuple[str, Method]] = field(init=False)

    def __post_init__(self) -> None:
        methods = methods_of(self.state, self.faults)
        self._methods = {name.lower(): (name, method) for name, method in methods.items()}

    def names(self, method: str, params: Mapping[str, Any]) -> list[str]:
        """Returns the canonical names of a request's method and of its batch commands."""
        lines = php.values(params.get("cmd")) if method.lower() == "batch" else []
        called = [method, *(split_command(line)[0] for line in lines if isinstance(line, str))]
        return [self._methods.get(name.lower(), (name,))[0] for name in called]

    def call(self, method: str, params: dict[str, Any]) -> tuple[dict[str, Any], float]:
        """Returns the answer's JSON and the portal's working seconds; raises RestError."""
        if method.lower() != "batch":
            return self._command(method, params, billed=True)
        billed = self.billing == "batch"
        if billed:
            self._check("batch")
        worked = [0.0]

        def command(name: str, command_params: dict[str, Any]) -> dict[str, Any]:
            answer, seconds = self._command(name, command_params, billed=not billed)
            worked[0] += seconds
            return answer

        result = run_batch(params, command, self.state.stats, self.max_vars)
        self.state.stats.ran("batch")
        operating = self._charge("batch", worked[0]) if billed else {}
        return {"result": result, "time": self._time(worked[0], operating)}, worked[0]

    def _command(
        self, method: str, params: dict[str, Any], *, billed: bool
    ) -> tuple[dict[str, Any], float]:
        name, run = self._methods.get(method.lower(), (method, None))
        if run is None:
            raise RestError(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
        self._strike(name)
        if billed:
            self._check(name)
        seconds = cost_of(self.costs, name, len(php.values(params.get("data"))))
        try:
            self.state.stats.ran(name)
            with self.state.lock:
                answer = run(params)
        except RestError as error:
            bare = self.faults.strike("bare_error", [name])
            if bare and error.status == 400:
                code = "" if bare.code is None else bare.code
                raise RestError(400, code, error.description) from None
            raise
        finally:
            operating = self._charge(name, seconds) if billed else {}
        return {**answer.body(), "time": self._time(seconds, operating)}, seconds

    def _strike(self, name: str) -> None:
        denied = self.faults.strike("denied", [name])
        if denied:
            raise RestError(
                403, denied.code or "insufficient_scope", "The request requires higher privileges"
            )
        if self.faults.strike("operating", [name]):
            raise RestError(429, "OPERATION_TIME_LIMIT", "Method is blocked")

    def _check(self, name: str) -> None:
        if self.operating:
            try:
                self.operating.check(name)
            except RestError:
                self.state.stats.blame("over_operating")
                raise

    def _charge(self, name: str, seconds: float) -> dict[str, float]:
        return self.operating.charge(name, seconds) if self.operating else {}

    def _time(self, seconds: float, operating: Mapping[str, float]) -> dict[str, Any]:
        start = self.state.clock.wall(self.state.clock.now())
        dates = (datetime.fromtimestamp(moment, UTC) for moment in (start, start + seconds))
        began, ended = (date.isoformat(timespec="seconds") for date in dates)
        return {
            "start": start,
            "finish": start + seconds,
            "duration": seconds,
            "processing": seconds,
            "date_start": began,
            "date_finish": ended,
            **operating,
        }
