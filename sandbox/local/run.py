"""Runs all of Svod on this machine, from made-up stores to a strict local CRM.

``run_local.sh`` calls it. All of its files are in one folder, and its processes end with it.
"""

import argparse
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from textwrap import indent
from typing import Final

from sandbox.local.command import bitrix24, following, full, register
from sandbox.local.delta import make_changes, watch
from sandbox.local.folder import FolderError, lock_folder, mark_changed, mark_portal_started, tidy
from sandbox.local.portal_view import PortalView
from sandbox.local.shop import CONFIGURATION, MAPPING, write_configuration
from sandbox.local.stores import StoredWorld, read_stored_world, writer_account
from sandbox.local.verdict import portal_lines, verdict
from sandbox.register.server import TOKEN
from sandbox.servers.services import Service, ServiceError, ends_with_parent
from sandbox.store_b_topic import TOPIC

SUCCESS, FAILED, INCOMPLETE, INTERRUPTED = 0, 1, 3, 130
_CHECKOUT: Final = Path(__file__).resolve().parents[2]
_LEDGER: Final = "svod.db"


class Run:
    """One run in a folder; ``lock`` is the open file that locks the folder."""

    def __init__(self, options: argparse.Namespace, lock: int) -> None:
        self._options, self._lock = options, lock
        self._folder: Path = options.folder
        self._speed: float = options.speed
        self._brokers = self._shop = ""

    def perform(self) -> int:
        """Runs everything; returns the exit code.

        Raises:
            ServiceError: a service did not come up.
        """
        options = self._options
        world = StoredWorld(options.scale, options.seed, shop=options.shop)
        _say(tidy(self._folder, world, options.fresh))
        with ExitStack() as services:
            try:
                self._start(services)
                code = self._conclude(self._svod())
                if self._options.delta and code in (SUCCESS, INCOMPLETE):
                    code = self._follow(services) or code
                elif self._options.keep:
                    self._keep()
            finally:
                _ignore_signals()
        return code

    def _start(self, services: ExitStack) -> None:
        folder, scale, speed = self._folder, self._options.scale, self._speed
        (folder / "log").mkdir(exist_ok=True)
        world = f"--scale={scale}", f"--seed={self._options.seed}"
        if read_stored_world(folder) is None:
            _say(f"Makes a world of scale {scale:g} …")
        self._store_a = self._serve(
            services,
            "local.stores",
            str(folder),
            *world,
            *(["--shop"] if self._options.shop else []),
        )
        if self._options.shop:
            self._shop = self._serve(services, "local.shop", *world)
            write_configuration(folder)
        self._register = self._serve(services, "register", *register(folder, speed))
        mark_portal_started(folder)
        self._webhook = self._serve(services, "bitrix24", *bitrix24(folder, speed))
        self._portal = self._webhook.partition("/rest/")[0]
        self._show_start()

    def _serve(self, services: ExitStack, module: str, *arguments: str) -> str:
        log = self._folder / "log" / f"{module}.log"
        service = Service(f"sandbox.{module}", arguments, log, self._lock)
        services.callback(service.stop)
        return service.await_url()

    def _show_start(self) -> None:
        stored = read_stored_world(self._folder)
        rows = {name: f"{count:,} {name}" for name, count in stored.rows.items()} if stored else {}
        listed = list(rows.values())
        _say(f"Store A   {', '.join(listed[:3])}, in a MariaDB of its own")
        _say(f"Store B   {', '.join(listed[3:5])}, in export files")
        if self._shop:
            _say(f"Shop      {', '.join(listed[5:8])}, in a PostgreSQL of its own")
            _say(f"Books     {', '.join(listed[8:])}, in files as 1C writes them")
        _say(f"Register  {self._register}")
        _say(f"Bitrix24  {self._portal}/")
        if self._shop:
            _say(f"\n{self._folder / CONFIGURATION} says how svod reads shop and books:\n")
            _say(indent(MAPPING.read_text("utf-8"), "    "))
        _say(f"svod full, everything {self._speed:g} times as fast as the real services allow:")

    def _follow(self, services: ExitStack) -> int:
        """Starts Kafka and ``svod delta --follow``, changes both stores; returns the exit code."""
        topic = str(self._folder / "kafka"), f"--topic={TOPIC}"
        self._brokers = self._serve(services, "servers.kafka", *topic).removeprefix("kafka://")
        _say(f"\nKafka     {self._brokers}, topic {TOPIC}")
        _say("svod delta --follow; then both stores change:")
        mark_changed(self._folder)
        process = self._start_svod(following(self._speed, self._brokers))
        try:
            is_complete = self._change_stores(process)
            if self._options.keep:
                self._keep()
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait()
        _say(f"svod delta --follow has finished what it held, and ended with {code}.")
        return code or (SUCCESS if is_complete else FAILED)

    def _change_stores(self, process: "subprocess.Popen[bytes]") -> bool:
        """Changes both stores; returns whether the CRM showed each change in time."""
        portal = PortalView(self._portal)
        changes = make_changes(writer_account(self._store_a), self._brokers, portal)
        is_complete = True
        for line in watch(portal, changes, lambda: process.poll() is None):
            _say(line)
            is_complete = is_complete and "NOT" not in line
        return is_complete

    def _environment(self) -> dict[str, str]:
        shop = {"SVOD_SHOP": self._shop} if self._shop else {}
        return shop | {
            "SVOD_STORE_A": self._store_a,
            "SVOD_CRM": self._webhook,
            "SVOD_REGISTER": self._register,
            "SVOD_REGISTER_TOKEN": TOKEN,
            "SVOD_LEDGER": f"sqlite:///{_LEDGER}",
        }

    def _svod(self) -> int:
        """Runs the full load in this terminal; returns its exit code."""
        process = self._start_svod(full(self._speed))
        try:
            code = process.wait()
        except KeyboardInterrupt:
            # A terminal sends the signal to svod too, other senders do not.
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        return code if code >= 0 else 128 - code

    def _start_svod(self, command: list[str]) -> "subprocess.Popen[bytes]":
        environment = {name: value for name, value in os.environ.items() if name[:5] != "SVOD_"}
        return subprocess.Popen(
            command,
            cwd=self._folder,
            env=environment | self._environment(),
            pass_fds=(self._lock,),
            preexec_fn=ends_with_parent(),
        )

    def _conclude(self, code: int) -> int:
        """Judges the result and prints it; returns the exit code."""
        if code not in (SUCCESS, INCOMPLETE):
            _say(f"svod ended with {code}. What the services said is in {self._folder / 'log'}.")
            return code
        portal = PortalView(self._portal)
        is_right, lines = verdict(self._folder, self._folder / _LEDGER, portal)
        for line in (*portal_lines(portal), *lines):
            _say(line)
        if code == INCOMPLETE:
            _say("svod ended with 3: not complete. The report says why; run it again to go on.")
        _say(f"Report: {self._folder / 'report' / 'report.html'}")
        return code if is_right else code or FAILED

    def _keep(self) -> None:
        variables = " ".join(
            f"{name}={shlex.quote(value)}" for name, value in self._environment().items()
        )
        _say("\nAll of it stays up until Ctrl-C. To look at the CRM: " + self._portal)
        _say("To run svod yourself, in another terminal:\n")
        _say(f"cd {shlex.quote(str(self._folder))}")
        _say(f"export {variables}")
        command = following(self._speed, self._brokers) if self._brokers else full(self._speed)
        _say(shlex.join(command))
        with suppress(KeyboardInterrupt):
            signal.pause()


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    options = argparse.ArgumentParser(prog="run_local.sh", allow_abbrev=False)
    options.add_argument("--scale", type=_above_zero, default=0.01)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--speed", type=_above_zero, default=60.0)
    options.add_argument("--delta", action="store_true")
    options.add_argument("--shop", action="store_true")
    options.add_argument("--keep", action="store_true")
    options.add_argument("--fresh", action="store_true")
    options.add_argument("--folder", type=_absolute, default=_CHECKOUT / ".sandbox")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs once; returns the exit code."""
    options = parser().parse_args(arguments)
    _make_signals_interrupt()
    try:
        with lock_folder(options.folder) as lock:
            return Run(options, lock).perform()
    except KeyboardInterrupt:
        _say("Interrupted: everything is ended, the next run goes on from here.")
        return INTERRUPTED
    except (FolderError, ServiceError) as error:
        _say(str(error))
        return FAILED


def _make_signals_interrupt() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under nohup SIGHUP is ignored and must stay so.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _ignore_signals() -> None:
    """Ignores signals: a second Ctrl-C must not disturb the services while they end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _above_zero(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1000:
        raise ValueError(text)
    return value


def _absolute(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _say(text: str) -> None:
    if text:
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
