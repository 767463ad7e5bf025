"""What the connector asks of ClickHouse, answered from memory as a server answers.

For faults that a real server cannot be made to have; what real ones do is tried in tests/real/test_clickhouse.py.
"""

from __future__ import annotations

import re
from typing import Any

import httpx

_LIMIT = re.compile(r"LIMIT (\d+)")


class ClickHouseStore:
    """Call it with a request. A row is (milliseconds, id, account, record)."""

    def __init__(self, rows: list[tuple[int, str, str, dict[str, Any]]]) -> None:
        self.rows = rows
        self.seen: list[httpx.Request] = []
        self.killed: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        sql, asked = request.content.decode(), request.url.params
        if sql.startswith("KILL"):
            self.killed.append(sql)
            return httpx.Response(200, text="")
        if "LIMIT 0" in sql:
            kinds = (("time", "DateTime64(3)"), ("id", "String"), ("account", "LowCardinality(String)"))
            return document([], [{"name": name, "type": kind} for name, kind in kinds])
        if "count()" in sql:
            times = [row[0] for row in self.rows]
            return document([[str(len(times)), str(min(times)), str(max(times))]])
        return document(self._page(sql, asked))

    def _page(self, sql: str, asked: httpx.QueryParams) -> list[list[Any]]:
        mine = sorted((row for row in self.rows if row[2] == asked["param_account"]), key=_place, reverse=True)
        if "param_tick" in asked:
            at, below = int(asked["param_tick"]), asked["param_id"]
            mine = [row for row in mine if row[0] == at and row[1] < below]
        else:
            low, last = int(asked["param_low"]), int(asked["param_last"])
            mine = [row for row in mine if low <= row[0] <= last]
        size = int(_LIMIT.findall(sql)[-1])
        return [[str(at), id_, record] for at, id_, _, record in mine[:size]]


def document(data: list[Any], meta: list[dict[str, str]] | None = None) -> httpx.Response:
    """An answer in the format JSONCompact."""
    body = {"meta": meta or [], "data": data, "rows": len(data), "statistics": {"elapsed": 0.001}}
    return httpx.Response(200, json=body, headers={"X-ClickHouse-Summary": "{}"})


def raised(code: int, text: str = "", status: int = 500) -> httpx.Response:
    """An exception as a server of today writes it."""
    headers = {"X-ClickHouse-Exception-Code": str(code), "Content-Type": "text/plain; charset=UTF-8"}
    return httpx.Response(status, text=f"Code: {code}. DB::Exception: {text} (version 26.8.1.1)\n", headers=headers)


def _place(row: tuple[int, str, str, dict[str, Any]]) -> tuple[int, str]:
    return row[0], row[1]
