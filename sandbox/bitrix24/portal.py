"""``Bitrix24``: a strict portal in this process."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import Reply
from sandbox.bitrix24.faults import Fault, Faults
from sandbox.bitrix24.limits import Clock, LeakyBucket, OperatingTime
from sandbox.bitrix24.methods.rest import Billing, Rest
from sandbox.bitrix24.stats import Stats
from sandbox.bitrix24.tables.state import State
from sandbox.bitrix24.tables.table import Row
from sandbox.bitrix24.web.gateway import RENAMED, Call, Gateway
from sandbox.bitrix24.web.inspection import Inspection
from sandbox.bitrix24.web.transport import HttpServer, Request
from sandbox.servers.server import Server


class Bitrix24(Server):
    """A strict Bitrix24 portal on 127.0.0.1, alive inside ``with``.

    ``speed`` is the speed of its clock, which all limits use: at 60 a minute passes in a second, at
    0 none passes until ``clock.advance``; ``clock`` replaces it. ``rate`` and ``burst`` are in
    requests, ``operating`` in seconds of work per method and ten minutes; ``limits=False`` switches
    all three off. ``billing`` charges a batch's time to its "commands" or to "batch". ``costs`` are
    seconds per call and per record of a call; with ``sleep`` the answers really take that long.
    ``state_file`` is read at the start, if it exists, and written at the end.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        code: str = "secretcode",
        speed: float = 1.0,
        clock: Clock | None = None,
        seed: int = 0,
        rate: float = 2.0,
        burst: float = 50.0,
        operating: float = 480.0,
        limits: bool = True,
        billing: Billing = "commands",
        costs: Mapping[str, tuple[float, float]] | None = None,
        sleep: bool = False,
        faults: Iterable[Fault] = (),
        custom_fields: Iterable[str] = (),
        max_vars: int = php.MAX_INPUT_VARS,
        state_file: Path | None = None,
    ) -> None:
        self.clock = clock or Clock(speed)
        self.state = State(self.clock, seed, custom_fields)
        self.faults = Faults(faults, seed)
        bucket = LeakyBucket(self.clock, rate, burst) if limits else None
        work = OperatingTime(self.clock, operating) if limits else None
        rest = Rest(self.state, self.faults, work, billing, costs or {}, max_vars)
        self._gateway = Gateway(self.state, rest, self.faults, bucket, code, sleep)
        self._inspection = Inspection(self.state, self.faults, bucket, work)
        self._port, self._code, self._state_file = port, code, state_file

    def start(self) -> None:
        """Reads the state file and starts to serve, in a thread."""
        if self._state_file and self._state_file.exists():
            self.state.load(self._state_file.read_bytes())
        self._server = HttpServer(self._port, self._respond)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.webhook = f"{self.url}/rest/1/{self._code}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stops to serve and writes the state file."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        if self._state_file:
            with self._state_file.open("wb") as file:
                file.writelines(self.state.dump())

    def _respond(self, request: Request) -> Reply:
        if request.path.startswith(("/rest/", RENAMED)):
            return self._gateway.reply(request)
        return self._inspection.reply(request)

    @property
    def stats(self) -> Stats:
        """Counters of requests, writes and violations."""
        return self.state.stats

    def on_request(self, hook: Callable[[Call], None] | None) -> None:
        """Calls ``hook`` before and after each request; an exception in it cuts the connection."""
        self._gateway.hook = hook

    def companies(self) -> list[Row]:
        """All companies."""
        return list(self.state.rows("companies"))

    def contacts(self) -> list[Row]:
        """All contacts."""
        return list(self.state.rows("contacts"))

    def requisites(self) -> list[Row]:
        """All requisites."""
        return list(self.state.rows("requisites"))

    def bank_details(self) -> list[Row]:
        """All bank details."""
        return list(self.state.rows("bank_details"))

    def addresses(self) -> list[Row]:
        """All addresses."""
        return list(self.state.rows("addresses"))

    def find(self, kind: str, name: str, value: Any) -> list[Row]:
        """Records by ``originId``, ``companyIds``, ``XML_ID``, ``RQ_INN`` or ``ENTITY_ID``."""
        return self.state.find(kind, name, value)

    def add(self, kind: str, values: Mapping[str, Any]) -> int:
        """Creates a record of ``companies``, ``contacts``, … as a person does; returns its id."""
        return self.state.add(kind, values)

    def edit(self, kind: str, row_id: int, values: Mapping[str, Any]) -> None:
        """Changes fields of a record as a person does; replaces ``fm`` as a whole."""
        self.state.edit(kind, row_id, values)

    def make_field(
        self,
        kind: str,
        upper: str,
        field_type: str = "string",
        *,
        multiple: bool = False,
        options: Sequence[str] = (),
    ) -> None:
        """Gives ``companies`` or ``contacts`` the field ``UF_CRM_…`` as a person does."""
        self.state.add_field(kind, upper, field_type, multiple, options)

    def dismiss(self, user_id: int) -> None:
        """Dismisses a user as a person does."""
        self.state.users[user_id] = False

    def delete(self, kind: str, row_id: int) -> None:
        """Deletes a record and its dependent records as a person does."""
        self.state.delete(kind, row_id)
