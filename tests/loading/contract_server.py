"""A log store that speaks our contract over real HTTP, and does what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from workstation.services.clock import from_micros


class LogStore(ThreadingHTTPServer):
    """Serves events of account ``A``, newest first, one `page` at a time.

    `hold` stops answers from the page of that number on until :attr:`go` is set.
    """

    daemon_threads = True

    def __init__(self, times_us: list[int], page: int = 10) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.times_us = sorted(times_us, reverse=True)
        self.page = page
        self.hold: int | None = None
        self.go = threading.Event()
        self.asked: list[str] = []
        self.tokens: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, query: dict[str, list[str]]) -> dict[str, Any]:
        since, until = (query[name][0] for name in ("since", "until"))
        at = int(query.get("cursor", ["0"])[0])
        events = [
            {"event.id": f"e{us}", "@timestamp": _written(us), "event.action": "sign_in", "user.target.id": "A"}
            for us in self.times_us
            if since <= _written(us) < until
        ]
        after = at + self.page
        return {"events": events[at:after], "next": str(after) if after < len(events) else None}


def _written(us: int) -> str:
    return f"{from_micros(us):%Y-%m-%dT%H:%M:%S.%fZ}"


class _Handler(BaseHTTPRequestHandler):
    server: LogStore
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        cursor = query.get("cursor", ["0"])[0]
        self.server.asked.append(cursor)
        self.server.tokens.add(self.headers.get("Authorization", ""))
        if self.server.hold is not None and int(cursor) >= self.server.hold * self.server.page:
            self.server.go.wait(30)
        body = json.dumps(self.server.answer(query)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def log_store(times_us: list[int], page: int = 10) -> Iterator[LogStore]:
    """Serve until the end of the block."""
    store = LogStore(times_us, page)
    thread = threading.Thread(target=store.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        store.go.set()
        store.shutdown()
        store.server_close()
