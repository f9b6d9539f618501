"""A real headless Chromium, driven through chromedriver's WebDriver interface."""

import base64
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

_STARTS = 5
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    " --disable-background-networking --disable-component-update --hide-scrollbars"
)


class Browser:
    """One tab of a Chromium; closed with its ``browser``."""

    def __init__(self, http: requests.Session, url: str, folder: Path) -> None:
        self._http, self._url = http, url
        flags = [*_FLAGS.split(), f"--user-data-dir={folder / 'profile'}"]
        capabilities = {
            "goog:chromeOptions": {"args": flags},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        answer = self._call("POST", "", {"capabilities": {"alwaysMatch": capabilities}})
        self._url = f"{url}/{answer['sessionId']}"

    def _call(self, verb: str, path: str, body: object = None) -> Any:
        answer = self._http.request(verb, self._url + path, json=body, timeout=60)
        assert answer.ok, answer.text
        return answer.json()["value"]

    def open(self, page: Path) -> None:
        """Loads a file and waits for it."""
        self._call("POST", "/url", {"url": page.resolve().as_uri()})

    def resize(self, width: int, scheme: str = "light") -> None:
        """Emulates a screen of this width in CSS pixels, in light or dark."""
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        self._cdp("Emulation.setDeviceMetricsOverride", size)
        preference = {"name": "prefers-color-scheme", "value": scheme}
        self._cdp("Emulation.setEmulatedMedia", {"features": [preference]})

    def _cdp(self, command: str, parameters: dict[str, object]) -> Any:
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def run(self, script: str) -> Any:
        """Runs a script; returns its value."""
        return self._call("POST", "/execute/sync", {"script": script, "args": []})

    def log(self) -> list[dict[str, object]]:
        """Returns the messages of the console."""
        messages: list[dict[str, object]] = self._call("POST", "/se/log", {"type": "browser"})
        return messages

    def screenshot(self) -> bytes:
        """Returns the whole page as PNG."""
        shot = self._cdp("Page.captureScreenshot", {"captureBeyondViewport": True})
        return base64.b64decode(shot["data"])

    def print(self) -> bytes:
        """Returns the page as PDF on A4."""
        size = {"width": 21.0, "height": 29.7}
        return base64.b64decode(self._call("POST", "/print", {"page": size}))

    def close(self) -> None:
        """Ends the browser."""
        self._call("DELETE", "")


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Yields a browser with a new profile in ``folder``; fails the test without a browser."""
    driver = shutil.which("chromedriver")
    if driver is None or shutil.which("chromium") is None:
        pytest.fail(
            "the report is tested in a real browser: apt-get install chromium chromium-driver"
        )
    process, port = _start(driver)
    with process, requests.Session() as http:
        try:
            tab = Browser(http, f"http://127.0.0.1:{port}/session", folder)
            try:
                yield tab
            finally:
                tab.close()
        finally:
            process.terminate()


def _start(driver: str) -> "tuple[subprocess.Popen[str], int]":
    """Starts the driver; it ends at once where its free port is taken on the other IP version."""
    for _ in range(_STARTS):
        process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True)
        if port := _port(process):
            return process, port
        with process:
            process.kill()
    raise AssertionError("chromedriver did not start")


def _port(process: "subprocess.Popen[str]") -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if match := re.search(r"started successfully on port (\d+)", line):
            return int(match[1])
    return 0
