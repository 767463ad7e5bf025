"""The account contract, version 1, over HTTP (``docs/contract/openapi.yaml``), and the clients' own door beside it."""

from __future__ import annotations

import base64
import hmac
import random
import re
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workstation.sandbox import acts, door, stop
from workstation.sandbox.atlas import Device
from workstation.sandbox.habits import LOG_DAYS
from workstation.sandbox.problems import Problem
from workstation.sandbox.risk import assess
from workstation.sandbox.store import SHARED, Record, Store, Trail, Tx
from workstation.sandbox.vocabulary import instant
from workstation.services.accounts.model import Session
from workstation.services.acts.control import Act
from workstation.services.clock import Clock, parse_instant, to_micros

T = TypeVar("T")

#: Bytes of a request's body, ids that a search returns, events of a page (by default and at most).
BODY_MAX, FOUND_MAX = 64 * 1024, 20
PAGE, PAGE_MAX = 200, 1000
#: Values of a field that may be asked about at once.
SHARED_MAX = 50
#: What each act's parameters are called.
PARAMS: dict[Act, frozenset[str]] = {Act.LIFT_HOLD: frozenset({"hold"}), Act.REMOVE_FACTOR: frozenset({"factor"})}
#: What may be given besides: a freeze can end by itself.
OPTIONAL: dict[Act, frozenset[str]] = {Act.FREEZE_WITHDRAWALS: frozenset({"until"})}
_TITLES = {
    400: "Bad request", 401: "Not signed in", 403: "Refused", 404: "Not found", 405: "Method not allowed",
    409: "Not applicable", 412: "Changed since it was read", 413: "Too large", 415: "Not JSON", 422: "Key used before",
    428: "If-Match is missing", 500: "Fault", 503: "Busy",
}  # fmt: skip
#: Later than anything: SQLite's largest integer.
_EVER = (1 << 63) - 1
_ETAG = re.compile(r'"([\x21\x23-\x7e]+)"\Z')

Handler = Callable[[Request], Awaitable[Response]]


class Tokens(msgspec.Struct, frozen=True):
    """The two bearer tokens."""

    read: str
    write: str


class ActBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of an account."""

    act: Act
    params: dict[str, str]
    reason: str


class SharingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Values of one field, of which is asked who else has them."""

    field: str
    values: tuple[str, ...]
    since: str | None = None
    until: str | None = None


class SignInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a client types at the door."""

    username: str
    password: str
    factor_code: str = ""


class ResetBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A link's token and the new password."""

    token: str
    password: str


class WithdrawBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a signed-in client sends away, in US dollars."""

    session: str
    address: str
    usd: float


class Api:
    """The endpoints.

    Args:
        store: the exchange's state.
        tokens: who may read and who may act.
        clock: the time.
        rng: ids, secrets and codes.
    """

    def __init__(self, store: Store, tokens: Tokens, clock: Clock, rng: random.Random) -> None:
        self._store, self._tokens, self._clock, self._rng = store, tokens, clock, rng

    def app(self) -> Starlette:
        """Return the application. Only requests that name this machine as the host are served (DNS rebinding)."""
        app = Starlette(
            routes=[
                Route("/v1/accounts", self._reading(self.find)),
                Route("/v1/accounts/{account}", self._reading(self.account)),
                Route("/v1/accounts/{account}/events", self._reading(self.events)),
                Route("/v1/accounts/{account}/risk", self._reading(self.risk)),
                Route("/v1/accounts/{account}/sharing", self._reading(self.sharing), methods=["POST"]),
                Route("/v1/accounts/{account}/acts", self._writing(self.act), methods=["POST"]),
                Route("/v1/acts/{key}", self._writing(self.receipt)),
                Route("/v1/vetoes", self._writing(self.vetoes)),
                Route("/sandbox/stop", self._open(stop.page)),
                Route("/sandbox/stop", self._open(self.stop), methods=["POST"]),
                Route("/sandbox/signin", self._open(self.sign_in), methods=["POST"]),
                Route("/sandbox/reset", self._open(self.reset), methods=["POST"]),
                Route("/sandbox/withdraw", self._open(self.withdraw), methods=["POST"]),
                Route("/sandbox/session/{session}", self._open(self.session)),
            ],
            exception_handlers={
                Problem: _refuse,
                HTTPException: _refuse_http,
                sqlite3.OperationalError: _refuse_busy,
                Exception: _refuse_fault,
            },
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        )
        app.router.redirect_slashes = False
        return app

    # -- reading ---------------------------------------------------------------------------------
    def find(self, request: Request, body: bytes) -> Response:
        """Accounts by exact id, user name or e-mail."""
        text = request.query_params.get("q", "")
        if not text:
            raise Problem(400, "no-query", "Say what to look for: ?q=…")
        with self._store.read() as tx:
            return _json(msgspec.json.encode({"accounts": tx.find(text, FOUND_MAX)}))

    def account(self, request: Request, body: bytes) -> Response:
        """One account as it stands now."""
        record = self._settled(request.path_params["account"])
        return _json(msgspec.json.encode(record.account), {"ETag": f'"{record.account.etag}"'})

    def events(self, request: Request, body: bytes) -> Response:
        """A page of an account's log, newest first."""
        account, query, now = request.path_params["account"], request.query_params, self._now()
        since = _time(query.get("since"), "since", 0)
        until = _time(query.get("until"), "until", _EVER)
        limit = _limit(query.get("limit"))
        before = _cursor(query["cursor"]) if "cursor" in query else None
        with self._store.read() as tx:
            _known(tx, account)
            rows = tx.events(account, since, until, limit + 1, dataset=query.get("dataset", ""), before=before)
        page = rows[:limit]
        more = _cursor_text(page[-1][0], page[-1][1]) if len(rows) > limit else None
        covers = {
            "since": instant(now - int(timedelta(days=LOG_DAYS).total_seconds()) * 1_000_000),
            "until": instant(now),
        }
        tail = msgspec.json.encode({"next": more, "covers": covers, "partial": False, "why": ""})
        return _json(b'{"events":[' + b",".join(row[2] for row in page) + b"]," + tail[1:])

    def risk(self, request: Request, body: bytes) -> Response:
        """What the risk engine thinks, computed now."""
        account = request.path_params["account"]
        with self._store.read() as tx:
            _known(tx, account)
            return _json(msgspec.json.encode(assess(tx, account, self._now())))

    def sharing(self, request: Request, body: bytes) -> Response:
        """Who else has values of this account."""
        account, asked = request.path_params["account"], _decode(body, SharingBody)
        if asked.field not in SHARED or not 1 <= len(asked.values) <= SHARED_MAX:
            raise Problem(400, "bad-values", f"One of {', '.join(SHARED)}, and 1 to {SHARED_MAX} values.")
        since, until = _time(asked.since, "since", 0), _time(asked.until, "until", _EVER)
        with self._store.read() as tx:
            _known(tx, account)
            trails = {value: tx.sharing(account, asked.field, value, since, until) for value in asked.values}
            population = tx.population()
        shared = [
            {
                "value": value,
                "accounts": len(found),
                "holders": [_holder(one) for one in found if one.account != account][:FOUND_MAX],
            }
            for value, found in trails.items()
            if found
        ]
        return _json(msgspec.json.encode({"shared": shared, "population": population}))

    # -- acting ----------------------------------------------------------------------------------
    def act(self, request: Request, body: bytes) -> Response:
        """Do something to an account, once."""
        key = _key(request.headers.get("idempotency-key"))
        etag = _if_match(request.headers.get("if-match"))
        asked = _decode(body, ActBody)
        if frozenset(asked.params) - OPTIONAL.get(asked.act, frozenset()) != PARAMS.get(asked.act, frozenset()):
            raise Problem(400, "bad-params", f"{asked.act} takes: {', '.join(PARAMS.get(asked.act, ())) or 'nothing'}.")
        if "until" in asked.params:
            _time(asked.params["until"], "until", 0)
        account = request.path_params["account"]
        digest = acts.fingerprint(account, msgspec.json.decode(body))
        with self._store.write(self._now(), self._rng) as tx:
            return _json(acts.perform(tx, account, key, etag, asked.act, asked.params, asked.reason, digest))

    def receipt(self, request: Request, body: bytes) -> Response:
        """What was answered to a key."""
        with self._store.read() as tx:
            row = tx.sql.execute(
                "SELECT body FROM receipt WHERE key = ?", (request.path_params["key"].lower(),)
            ).fetchone()
        if row is None:
            raise Problem(404, "unknown-key", "Nothing was done under this key.")
        return _json(row[0])

    def vetoes(self, request: Request, body: bytes) -> Response:
        """Links that clients used, in the order in which they came."""
        after = _veto_cursor(request.query_params.get("cursor", ""))
        with self._store.read() as tx:
            answers, last = stop.used(tx, after)
        return _json(msgspec.json.encode({"answers": answers, "next": str(last)}))

    # -- the clients' door, not part of the contract ---------------------------------------------
    def sign_in(self, request: Request, body: bytes) -> Response:
        """A client signs in."""
        asked = _decode(body, SignInBody)
        agent = request.headers.get("user-agent", "")
        attempt = door.Attempt(
            username=asked.username,
            password=asked.password,
            factor_code=asked.factor_code,
            device=Device("d-http", "HTTP", "browser", agent),
        )
        with self._store.write(self._now(), self._rng) as tx:
            found = door.sign_in(tx, attempt)
        if not isinstance(found, Session):
            raise found
        return _json(msgspec.json.encode({"session": found.id}))

    def reset(self, request: Request, body: bytes) -> Response:
        """A client follows the link in a mail."""
        asked = _decode(body, ResetBody)
        with self._store.write(self._now(), self._rng) as tx:
            account = door.reset_password(tx, asked.token, asked.password)
        return _json(msgspec.json.encode({"account": account}))

    def stop(self, request: Request, body: bytes) -> Response:
        """A client uses the link of a notice."""
        asked = _decode(body, stop.StopBody)
        with self._store.write(self._now(), self._rng) as tx:
            stop.use(tx, asked.token)
        return _json(b'{"kept":true}')

    def withdraw(self, request: Request, body: bytes) -> Response:
        """A client sends money away."""
        asked = _decode(body, WithdrawBody)
        if not 0 < asked.usd < 1e12:
            raise Problem(400, "bad-amount", "An amount is a positive number of US dollars.")
        with self._store.write(self._now(), self._rng) as tx:
            found = door.withdraw(tx, asked.session, asked.address, asked.usd)
        if isinstance(found, Problem):
            raise found
        return _json(msgspec.json.encode({"event": found}))

    def session(self, request: Request, body: bytes) -> Response:
        """Whether a session lives."""
        with self._store.read() as tx:
            account, lives = door.session_lives(tx, request.path_params["session"])
        return _json(
            msgspec.json.encode({"session": request.path_params["session"], "account": account, "live": lives})
        )

    # -- plumbing --------------------------------------------------------------------------------
    def _now(self) -> int:
        return to_micros(self._clock.now())

    def _settled(self, account: str) -> Record:
        """Return the account without locks and holds whose time is over."""
        with self._store.read() as tx:
            record = _known(tx, account)
        if not acts.run_out(record, self._now()):
            return record
        with self._store.write(self._now(), self._rng) as tx:
            return acts.settled(tx, account)

    def _reading(self, serve: Callable[[Request, bytes], Response]) -> Handler:
        return self._guarded(serve, self._tokens.read, self._tokens.write)

    def _writing(self, serve: Callable[[Request, bytes], Response]) -> Handler:
        return self._guarded(serve, self._tokens.write, self._tokens.read)

    def _guarded(self, serve: Callable[[Request, bytes], Response], token: str, other: str) -> Handler:
        opened = self._open(serve)

        async def handle(request: Request) -> Response:
            scheme, _, shown = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() == "bearer" and _same(shown, token):
                return await opened(request)
            if scheme.lower() == "bearer" and _same(shown, other):
                raise Problem(403, "wrong-token", "This token is not for this call.")
            raise Problem(401, "no-token", "A bearer token is needed.")

        return handle

    def _open(self, serve: Callable[[Request, bytes], Response]) -> Handler:
        from starlette.concurrency import run_in_threadpool

        async def handle(request: Request) -> Response:
            return await run_in_threadpool(serve, request, await _body(request))

        return handle


async def _body(request: Request) -> bytes:
    if request.method in ("GET", "HEAD"):
        return b""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "not-json", "Send application/json.")
    out = bytearray()
    async for piece in request.stream():
        out += piece
        if len(out) > BODY_MAX:
            raise Problem(413, "too-large", f"A body has at most {BODY_MAX} bytes.")
    return bytes(out)


def _json(body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store", **(headers or {})})


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _problem(error.status, error.code, error.detail)


async def _refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _problem(error.status_code, "http", error.detail, dict(error.headers or {}))


async def _refuse_busy(request: Request, error: Exception) -> Response:
    return _problem(503, "busy", "The state is busy; nothing was done.", {"Retry-After": "1"})


async def _refuse_fault(request: Request, error: Exception) -> Response:
    return _problem(500, "fault", "The exchange has a fault; whether something was done is not known.")


def _problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    body = {
        "type": f"https://exchange.example/problems/{code}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
    }
    extra = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Response(
        msgspec.json.encode(body), status, media_type="application/problem+json", headers={**extra, **(headers or {})}
    )


def _decode(body: bytes, into: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=into)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "bad-body", f"The body is not what was expected: {error}.") from error


def _holder(trail: Trail) -> dict[str, str | int]:
    first, last = instant(trail.first_us), instant(trail.last_us)
    return {"account": trail.account, "first": first, "last": last, "events": trail.events}


def _known(tx: Tx, account: str) -> Record:
    record = tx.load(account)
    if record is None:
        raise Problem(404, "unknown-account", "There is no such account.")
    return record


def _key(value: str | None) -> str:
    try:
        return str(UUID(value or ""))
    except ValueError as error:
        raise Problem(400, "no-key", "Idempotency-Key must be a UUID.") from error


def _if_match(value: str | None) -> str:
    if value is None:
        raise Problem(428, "no-version", "Say with If-Match which version of the account was seen.")
    found = _ETAG.match(value.strip())
    # "*" and weak tags name no version, so they match none.
    return found[1] if found else ""


def _time(value: str | None, name: str, otherwise: int) -> int:
    if value is None:
        return otherwise
    try:
        return to_micros(parse_instant(value))
    except (ValueError, OverflowError) as error:
        raise Problem(400, "bad-time", f"{name} is not an RFC 3339 time.") from error


def _limit(value: str | None) -> int:
    number = PAGE if value is None else int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0
    if not 1 <= number <= PAGE_MAX:
        raise Problem(400, "bad-limit", f"limit is a number from 1 to {PAGE_MAX}.")
    return number


def _cursor_text(at_us: int, identifier: str) -> str:
    return base64.urlsafe_b64encode(f"{at_us}:{identifier}".encode()).decode().rstrip("=")


def _cursor(text: str) -> tuple[int, str]:
    try:
        at, _, identifier = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(":")
        return int(at), identifier
    except ValueError as error:
        raise Problem(400, "bad-cursor", "This cursor is not one of ours.") from error


def _veto_cursor(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise Problem(400, "bad-cursor", "This cursor is not one of ours.")
    return int(text)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
