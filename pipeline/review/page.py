"""``svod review --page``: doubtful pairs in the browser, served to this machine only."""

import secrets
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from pipeline.report.rendering import render_template
from pipeline.review.judgements import WrongJudgementError, judge
from pipeline.review.pairs import read_pairs
from transforms.ledger.database import Ledger

_SHOWN = 200
_LONGEST = 10_000


class ReviewServer(ThreadingHTTPServer):
    """Serves the page at ``url`` until it is shut down; port 0 takes a free port."""

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
        """Answers with the pairs that wait."""
        if not self._is_addressed_here():
            return
        pairs = read_pairs(self.server.ledger)
        self._answer(200, pairs=pairs[:_SHOWN], count=len(pairs), token=self.server.token)

    def do_POST(self) -> None:
        """Saves a judgement, and redirects to the list."""
        if not self._is_addressed_here():
            return
        form = self._read_form()
        if not secrets.compare_digest(form.get("token", "").encode(), self.server.token.encode()):
            self._answer(403, "Откройте страницу заново")
            return
        pair = form.get("one", ""), form.get("other", "")
        try:
            judge(self.server.ledger, form.get("kind", ""), {pair: form.get("same") == "1"})
        except WrongJudgementError as error:
            self._answer(400, str(error))
            return
        self.send_response(303)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _read_form(self) -> dict[str, str]:
        length = int(self.headers.get("Content-Length") or 0)
        form = parse_qs(self.rfile.read(length).decode()) if length <= _LONGEST else {}
        return {name: values[0] for name, values in form.items()}

    def _is_addressed_here(self) -> bool:
        # Another site's DNS name may lead here: its pages must not read this one.
        if f"http://{self.headers.get('Host')}/" == self.server.url:
            return True
        self._answer(403, "403")
        return False

    def _answer(self, status: int, message: str = "", **values: object) -> None:
        page = render_template("review/page.html.j2", message=message, **values).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Logs nothing: a log must hold no names."""
