"""``svod review --page``: the doubtful pairs in the browser, on this machine only."""

import secrets
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from pipeline.review.pairs import Shown, WrongJudgementError, judge, pairs
from transforms.ledger.database import Ledger

_SHOWN = 200
_LONGEST = 10_000
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "article{border:1px solid #bbb;border-radius:6px;padding:.7em 1em;margin:1em 0}"
    "small{color:#555}button{font:inherit;padding:.2em 1.2em;margin-right:.6em}"
)


class ReviewServer(ThreadingHTTPServer):
    """Serves the page until it is shut down. ``url`` is where; port 0 takes a free one."""

    daemon_threads = True

    def __init__(self, ledger: Ledger, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.ledger = ledger
        # Another page in the same browser must not be able to judge in the operator's name.
        self.token = secrets.token_urlsafe(16)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer

    def do_GET(self) -> None:
        """The pairs that wait."""
        if not self._is_ours():
            return
        shown = pairs(self.server.ledger)
        body = "".join(_article(one, self.server.token) for one in shown[:_SHOWN])
        head = f"<h1>Ждут решения: {len(shown)}</h1>"
        self._answer(200, f"{head}{body}" if shown else "<h1>Ничего не ждёт решения</h1>")

    def do_POST(self) -> None:
        """A judgement; back to the list."""
        if not self._is_ours():
            return
        length = int(self.headers.get("Content-Length") or 0)
        form = parse_qs(self.rfile.read(length).decode()) if length <= _LONGEST else {}
        given = {name: values[0] for name, values in form.items()}
        if not secrets.compare_digest(given.get("token", ""), self.server.token):
            self._answer(403, "<h1>Откройте страницу заново</h1>")
            return
        pair = given.get("one", ""), given.get("other", "")
        try:
            judge(self.server.ledger, given.get("kind", ""), {pair: given.get("same") == "1"})
        except WrongJudgementError as error:
            self._answer(400, f"<h1>{escape(str(error))}</h1>")
            return
        self.send_response(303)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _is_ours(self) -> bool:
        # A name that somebody else's DNS leads here would make it readable from his page.
        if f"http://{self.headers.get('Host')}/" == self.server.url:
            return True
        self._answer(403, "<h1>403</h1>")
        return False

    def _answer(self, status: int, body: str) -> None:
        page = (
            "<!doctype html><html lang=ru><meta charset=utf-8><title>Свод: решения</title>"
            f"<style>{_STYLE}</style><body>{body}"
        ).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: its lines would hold what was asked."""


def _article(shown: Shown, token: str) -> str:
    doubt = shown.doubt
    hidden = "".join(
        f'<input type=hidden name={name} value="{escape(value)}">'
        for name, value in (
            *(("kind", doubt.kind), ("one", doubt.left_ref), ("other", doubt.right_ref)),
            ("token", token),
        )
    )
    return (
        f"<article><p>{escape(shown.left)}<br><small>{escape(doubt.left_ref)}</small></p>"
        f"<p>{escape(shown.right)}<br><small>{escape(doubt.right_ref)}</small></p>"
        f"<p><small>{doubt.bits:.1f}: {escape(doubt.why)}. {escape(shown.evidence)}</small></p>"
        f"<form method=post>{hidden}<button name=same value=1>Одно и то же</button>"
        "<button name=same value=0>Разные</button></form></article>"
    )
