"""What the connector asks of Loki and of VictoriaLogs, answered from memory as those answer.

Loki is for faults that a real one cannot be made to have (tests/real/test_loki.py has the real one). VictoriaLogs is
not to be had where these tests run: its answers are written after what one gave once, and after its documentation.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import httpx

_TIME_FILTER = re.compile(r"_time:\[(\S+), (\S+)\)")
_SORTED = re.compile(r"\| sort by \(_time desc\) limit (\d+)$")
_ACCOUNT = re.compile(r'(?:user_id|"user.id":)="([^"]*)"')
#: Nanoseconds and the record of a line.
Line = tuple[int, dict[str, Any]]


class LokiStore:
    """Call it with a request. Lines are in two streams; `limit` and `longest` are the server's limits."""

    def __init__(self, lines: list[Line], longest: int = 30 * 86_400 * 10**9 + 3_600 * 10**9) -> None:
        self.lines = lines
        self.longest = longest
        self.seen: list[dict[str, str]] = []
        self.headers: list[httpx.Headers] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = dict(parse_qsl(request.content.decode()))
        self.seen.append(asked)
        self.headers.append(request.headers)
        low, high = int(asked["start"]), int(asked["end"])
        if high - low > self.longest:
            return refused("the query time range exceeds the limit (query length: 744h, limit: 30d1h)")
        if int(asked.get("limit", "0")) > 5_000:
            return refused("max entries limit per query exceeded, limit > max_entries_limit_per_query (6000 > 5000)")
        lines = sorted(line for line in self._about(asked["query"]) if low <= line[0] < high)
        if request.url.path.endswith("/index/stats"):
            return httpx.Response(200, json={"streams": 2, "chunks": len(lines), "bytes": 0, "entries": 0})
        if asked["direction"] == "backward":
            lines.reverse()
        return streams(lines[: int(asked["limit"])])

    def _about(self, query: str) -> list[tuple[int, str]]:
        account = _ACCOUNT.search(query)
        mine = (line for line in self.lines if account is None or line[1]["user.id"] == account[1])
        return [(ns, json.dumps(record)) for ns, record in mine]


def streams(lines: list[tuple[int, str]], **more: Any) -> httpx.Response:
    """An answer of lines in two streams."""
    result = [
        {"stream": {"part": str(part)}, "values": [[str(ns), line] for ns, line in lines if ns % 2 == part]}
        for part in (0, 1)
    ]
    data = {"resultType": "streams", "result": [one for one in result if one["values"]], "stats": {}}
    return httpx.Response(200, json={"status": "success", "data": data, **more})


def refused(words: str, status: int = 400) -> httpx.Response:
    """A refusal in plain text."""
    return httpx.Response(status, text=words)


class VictoriaLogsStore:
    """Call it with a request. The end of a window is taken as in it, as some versions do."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self.seen: list[dict[str, str]] = []
        self.headers: list[httpx.Headers] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = dict(parse_qsl(request.content.decode()))
        self.seen.append(asked)
        self.headers.append(request.headers)
        query = asked["query"]
        rows = [row for row in self._rows() if int(asked["start"]) <= nanos(row["_time"]) <= int(asked["end"])]
        if "| stats" in query:
            times = sorted(row["_time"] for row in rows)
            return ndjson([{"oldest": times[0], "newest": times[-1]} if times else {"oldest": "", "newest": ""}])
        low, high = _TIME_FILTER.findall(query)[0]
        account = _ACCOUNT.findall(query)[0]
        rows = [row for row in rows if low <= row["_time"] < high and row["user.id"] == account]
        rows.sort(key=lambda row: row["_time"], reverse=True)
        return ndjson(rows[: int(_SORTED.findall(query)[0])])

    def _rows(self) -> list[dict[str, str]]:
        stream = {"_stream_id": "0000000000000000e934a84adb05276890d7f7bfcadabe92", "_stream": '{app="auth"}'}
        return [{"_time": rfc3339(ns), **stream, "_msg": "sign-in", **record} for ns, record in self.lines]


def ndjson(rows: list[dict[str, str]]) -> httpx.Response:
    """An answer of a line a row."""
    body = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    return httpx.Response(200, text=body, headers={"Content-Type": "application/stream+json"})


def rfc3339(ns: int) -> str:
    """Write nanoseconds as VictoriaLogs does."""
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09d}Z"


def nanos(written: str) -> int:
    """Read what :func:`rfc3339` writes."""
    return int(datetime.fromisoformat(written[:19] + "+00:00").timestamp()) * 10**9 + int(written[20:29])
