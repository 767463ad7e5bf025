"""Our HTTP contract, version 1, over memory: the other side of a wire in one process."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

import httpx

from .wire import NOON

READ, WRITE = "read-token", "write-token"
ALICE, BOB = "AA71N84G", "AA02K11P"


def stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def event(number: int, account: str = ALICE) -> dict[str, Any]:
    """The event `number` minutes before noon."""
    return {
        "@timestamp": stamp(NOON - timedelta(minutes=number)),
        "event.id": f"{account}-{number:03}",
        "event.action": "sign_in",
        "event.dataset": "sign-in" if number % 2 else "app",
        "event.outcome": "success",
        "user.target.id": account,
        "source.ip": "203.0.113.9",
        "user_agent.original": 'Mozilla \u202e] \\" [@click=app.quit]',
    }


def account(id_: str, username: str) -> dict[str, Any]:
    return {
        "id": id_,
        "status": "active",
        "name": "A Client",
        "username": username,
        "created_at": "2019-03-01T00:00:00Z",
        "contacts": [
            {"kind": "email", "value": f"{username}@example.test", "verified_at": "2019-03-01T01:00:00Z"},
        ],
        "locks": [],
        "holds": [{"id": "h1", "kind": "withdrawal", "set_at": "2026-11-20T00:00:00Z"}],
        "factors": [{"id": "f1", "kind": "totp", "enrolled_at": "2020-01-01T00:00:00Z"}, {"id": "f2", "kind": "sms"}],
        "sessions": [{"id": "s1", "started_at": "2026-11-23T10:00:00Z"}],
    }


class Exchange:
    """Call it with a request; `seen` holds every request that came."""

    def __init__(self) -> None:
        self.accounts = {ALICE: account(ALICE, "alice"), BOB: account(BOB, "bob")}
        self.events = [event(number) for number in range(25)]
        self.risk: dict[str, Any] = {
            ALICE: {"score": 92, "scale": "0-100", "level": "high", "computed_at": stamp(NOON), "reasons": []}
        }
        self.receipts: dict[str, tuple[bytes, dict[str, Any]]] = {}
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        parts = request.url.path.removeprefix("/base/v1/").split("/")
        acting = parts[-1] == "acts" or parts[0] == "acts"
        if request.headers.get("authorization") != f"Bearer {WRITE if acting else READ}":
            return problem(403, "this token is for something else")
        match request.method, parts:
            case "GET", ["acts", key]:
                return answer(self.receipts[key][1]) if key in self.receipts else problem(404, "no such key")
            case "GET", ["accounts"]:
                return answer({"accounts": self._find(request.url.params["q"])})
            case "GET", ["accounts", id_] if id_ in self.accounts:
                return answer(self.shown(id_), {"ETag": f'"{self.etag(id_)}"'})
            case "GET", ["accounts", id_, "risk"]:
                return answer(self.risk.get(id_, {"score": None, "scale": "0-100"}))
            case "GET", ["accounts", id_, "events"] if id_ in self.accounts:
                return answer(self._page(id_, request.url.params))
            case "POST", ["accounts", id_, "acts"] if id_ in self.accounts:
                return self._act(id_, request)
        return problem(404, "no such account")

    def etag(self, id_: str) -> str:
        return hashlib.sha256(json.dumps(self.accounts[id_]).encode()).hexdigest()[:16]

    def shown(self, id_: str) -> dict[str, Any]:
        return {**self.accounts[id_], "etag": self.etag(id_)}

    def _find(self, text: str) -> list[str]:
        return [
            id_
            for id_, one in self.accounts.items()
            if text in (id_, one["username"], *(contact["value"] for contact in one["contacts"]))
        ]

    def _page(self, id_: str, params: httpx.QueryParams) -> dict[str, Any]:
        since, until = (datetime.fromisoformat(params[name]) for name in ("since", "until"))
        mine = [e for e in self.events if e.get("user.target.id") == id_]
        rows = [e for e in mine if since <= datetime.fromisoformat(e["@timestamp"]) < until]
        start, limit = int(params.get("cursor", "0")), int(params["limit"])
        more = start + limit < len(rows)
        return {
            "events": rows[start : start + limit],
            "next": str(start + limit) if more else None,
            "covers": {"since": stamp(NOON - timedelta(days=90)), "until": stamp(NOON)},
            "partial": False,
            "why": "",
        }

    def _act(self, id_: str, request: httpx.Request) -> httpx.Response:
        key, body = request.headers["idempotency-key"], json.loads(request.content)
        if key in self.receipts:
            asked, receipt = self.receipts[key]
            return answer(receipt) if asked == request.content else problem(422, "this key was for something else")
        if request.headers["if-match"] != f'"{self.etag(id_)}"':
            return problem(412, "the account changed")
        one, params = self.accounts[id_], body["params"]
        match body["act"]:
            case "lock":
                lock = {"id": "l1", "kind": "staff", "set_at": stamp(NOON), "reason": body["reason"]}
                one.update(status="locked", locks=[lock])
            case "unlock":
                one.update(status="active", locks=[])
            case "end_sessions":
                one["sessions"] = []
            case "remove_factor" if params["factor"] in [f["id"] for f in one["factors"]]:
                one["factors"] = [f for f in one["factors"] if f["id"] != params["factor"]]
            case "lift_hold":
                one["holds"] = [h for h in one["holds"] if h["id"] != params["hold"]]
            case _:
                return problem(409, "it does not apply")
        receipt = {
            "key": key,
            "act": body["act"],
            "account": id_,
            "status": "done",
            "reference": f"ref-{len(self.receipts)}",
            "etag": self.etag(id_),
        }
        self.receipts[key] = (request.content, receipt)
        return answer(receipt)


def answer(body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(200, json=body, headers=headers)


def problem(status: int, detail: str) -> httpx.Response:
    body = json.dumps({"type": "about:blank", "title": "Refused", "status": status, "detail": detail})
    return httpx.Response(status, content=body, headers={"Content-Type": "application/problem+json"})
