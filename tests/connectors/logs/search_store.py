"""What the connector asks of OpenSearch or Elasticsearch, answered from memory as those answer.

For faults that a real server cannot be made to have; what real ones do is tried on them (tests/real/test_search.py).
"""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from typing import Any

import httpx

MINUTE = 60_000


class SearchStore:
    """Call it with a request. `documents` are ECS, nested; `pits` are the open points in time."""

    def __init__(self, documents: list[dict[str, Any]], elastic: bool = False) -> None:
        self.documents = documents
        self.elastic = elastic
        self.pits: set[str] = set()
        self.seen: list[httpx.Request] = []
        self.types = {"user.id": "keyword", "@timestamp": "date", "event.id": "keyword"}
        self._number = itertools.count()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        body = json.loads(request.content) if request.content else {}
        opening = "/auth/_pit" if self.elastic else "/auth/_search/point_in_time"
        match request.method, request.url.path:
            case "GET", "/":
                found: Any = {"version": {"number": "7.17.29"} if self.elastic else _OPENSEARCH}
            case "GET", "/auth/_field_caps":
                fields = {name: {kind: _able(kind)} for name, kind in self.types.items()}
                found = {"indices": ["auth"], "fields": fields}
            case "POST", path if path == opening:
                pit = f"pit-{next(self._number)}"
                self.pits.add(pit)
                found = {"id": pit} if self.elastic else {"pit_id": pit}
            case "POST", "/_search" if body["pit"]["id"] in self.pits:
                found = self._search(body)
            case "POST", "/_search":
                return gone()
            case "DELETE", _:
                self.pits -= {body["id"]} if self.elastic else set(body["pit_id"])
                found = {"succeeded": True}
            case _:
                return httpx.Response(400, json={"error": f"no handler found for uri [{request.url.path}]"})
        headers = {"X-elastic-product": "Elasticsearch"} if self.elastic else {}
        return httpx.Response(200, json=found, headers=headers)

    def _search(self, body: dict[str, Any]) -> dict[str, Any]:
        rows = self._matching(body.get("query"))
        if body["size"] == 0:
            hits: list[Any] = []
        else:
            rows.sort(key=lambda row: (row[0], row[1]["event"]["id"]), reverse=True)
            if after := body.get("search_after"):
                rows = [row for row in rows if [row[0], row[1]["event"]["id"]] < after]
            hits = [_hit(at, document) for at, document in rows[: body["size"]]]
        return {
            "took": 1,
            "timed_out": False,
            "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
            "hits": {"max_score": None, "hits": hits},
            "pit_id": body["pit"]["id"],
            "aggregations": _figures(rows, body.get("aggs", {})),
        }

    def _matching(self, query: dict[str, Any] | None) -> list[tuple[int, dict[str, Any]]]:
        rows = [(millis(document), document) for document in self.documents]
        if query is None:
            return rows
        within = query["bool"]["filter"][0]["range"]["@timestamp"]
        accounts = {account for should in query["bool"]["should"] for account in should["term"].values()}
        return [
            (at, document)
            for at, document in rows
            if within["gte"] <= at < within["lt"] and document["user"]["id"] in accounts
        ]


_OPENSEARCH = {"number": "2.19.6", "distribution": "opensearch"}


def millis(document: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(document["@timestamp"]).timestamp() * 1_000)


def gone() -> httpx.Response:
    """The answer for a point in time that has ended, as OpenSearch 2.19 writes it."""
    cause = {"type": "search_context_missing_exception", "reason": "No search context found for id [7]"}
    error = {"type": "search_phase_execution_exception", "reason": "all shards failed", "root_cause": [cause]}
    return httpx.Response(404, json={"error": error, "status": 404})


def _able(kind: str) -> dict[str, Any]:
    return {"type": kind, "searchable": True, "aggregatable": True}


def _hit(at: int, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "_index": "auth",
        "_id": f"_{document['event']['id']}",
        "_score": None,
        "_source": document,
        "sort": [at, document["event"]["id"]],
    }


def _figures(rows: list[tuple[int, dict[str, Any]]], wanted: dict[str, Any]) -> dict[str, Any]:
    times = [at for at, _ in rows]
    found: dict[str, Any] = {}
    if "oldest" in wanted:
        found["oldest"] = {"value": float(min(times)) if times else None}
        found["newest"] = {"value": float(max(times)) if times else None}
    if "by_time" in wanted:
        minutes = itertools.groupby(sorted(times), lambda at: at // MINUTE * MINUTE)
        found["by_time"] = {"buckets": [{"key": key, "doc_count": len(list(some))} for key, some in minutes]}
    return found
