"""A ClickHouse of today over HTTP: the engine of the package chdb behind what the HTTP interface does with a request.

``modern.py PORT``: parameters (``param_*``) and settings go to the engine as they come, its exceptions come back with
the number in the header and the status that the server gives them. Not tried by it: users, streams, KILL QUERY; for
those there is a server of 2018 (server.sh).
"""

from __future__ import annotations

import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb.session import Session  # type: ignore[import-not-found]

#: What is no setting.
OURS = {"database", "default_format", "wait_end_of_query", "query_id", "query"}
#: Statuses of exceptions (src/Server/HTTPHandler.cpp); every other one is a 500.
STATUS = {60: 404, 47: 404, 46: 404, 81: 404, 115: 404, 62: 400, 53: 400, 386: 400, 457: 400}


class Engine:
    """One session; the engine answers one query at a time."""

    def __init__(self) -> None:
        self._session = Session()
        self._lock = threading.Lock()

    def answer(self, sql: str, asked: dict[str, str]) -> str:
        parameters = {name.removeprefix("param_"): value for name, value in asked.items() if name.startswith("param_")}
        settings = {name: value for name, value in asked.items() if name not in OURS and not name.startswith("param_")}
        # One query cannot be readonly and set something else as well, except where all is said at once.
        written = ", ".join(f"{name} = '{value}'" for name, value in settings.items())
        with self._lock:
            self._session.query(f"USE `{asked.get('database', 'default')}`")
            try:
                tail = f" SETTINGS {written}" if written else ""
                return str(self._session.query(sql + tail, "JSONCompact", params=parameters))
            except Exception:
                # What a broken query had written stands before the next answer.
                self._session.query("SELECT 1")
                raise


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: Engine

    def do_GET(self) -> None:
        self._send(200, "Ok.\n", "text/plain; charset=UTF-8", {})

    def do_POST(self) -> None:
        sql = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        try:
            body = self.engine.answer(sql, asked)
        except Exception as error:
            code = re.search(r"Code: (\d+)", str(error))
            number = int(code[1]) if code else 1
            self._send(STATUS.get(number, 500), str(error), "text/plain", {"X-ClickHouse-Exception-Code": str(number)})
        else:
            self._send(200, body, "application/json; charset=UTF-8", {})

    def log_message(self, format: str, *args: object) -> None:
        return

    def _send(self, status: int, body: str, kind: str, headers: dict[str, str]) -> None:
        content = body.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    Handler.engine = Engine()
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
