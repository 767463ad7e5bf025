"""The reader's HTTP face: the read half of the account contract, behind view tickets (docs/viewing.md).

Nothing is given out before the store has said that the ticket holds for exactly this account, and everything is masked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from workstation.services.accounts.model import Account, ContactKind
from workstation.services.acts.refusals import sentence
from workstation.services.clock import parse_instant, to_micros
from workstation.services.daemon import Log
from workstation.services.errors import (
    Invalid,
    SourceBusy,
    SourceError,
    SourceMissing,
    StoreError,
    WorkstationError,
)
from workstation.services.reading.cabinet import Cabinet
from workstation.services.reading.gate import NoView, Presented, StoreGate
from workstation.services.reading.masker import TEXTS, Masker
from workstation.services.reading.stream import Stream
from workstation.services.reading.summary import summary
from workstation.services.reading.wire import NOW, PARTS, QUERY, QUERY_MAX, RULE, Asking, Field, Frozen, Health, Pinning
from workstation.services.text import mask_email
from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.query import edit
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.query.one import matches
from workstation.services.timeline.related import STRENGTH
from workstation.services.timeline.source import ALL, Only, Span

T = TypeVar("T")
#: Longest body of a request in bytes; a pin names four short things, a question about shared values up to fifty.
BODY_MAX, ASKING_MAX = 4096, 64 * 1024
_FIELDS = {"email": ContactKind.EMAIL, "phone": ContactKind.PHONE}


class Desk:
    """The handlers.

    Args:
        cabinet: the systems behind.
        gate: says whether a ticket holds.
        log: one line an answer, without tokens.
    """

    def __init__(self, cabinet: Cabinet, gate: StoreGate, log: Log) -> None:
        self._cabinet = cabinet
        self._gate = gate
        self._log = log

    def app(self) -> Starlette:
        """Return the ASGI application."""
        one = "/v1/accounts/{account}"
        routes = [
            Route("/v1/health", self._health),
            Route("/v1/accounts", self._told(self._find)),
            Route(one, self._told(self._account)),
            Route(f"{one}/risk", self._told(self._risk)),
            Route(f"{one}/events", self._told(self._events)),
            Route(f"{one}/fields/{{field}}", self._told(self._field)),
            Route(f"{one}/recipient", self._told(self._recipient), methods=["POST"]),
            Route(f"{one}/pins", self._told(self._pin), methods=["POST"]),
            Route(f"{one}/sharing", self._told(self._sharing), methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: _plain})

    async def _health(self, request: Request) -> Response:
        return _json(Health(ok=True, sources=tuple(self._cabinet.sources)))

    def _told(self, handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Turn errors into problems and log what became of the request."""

        async def answer(request: Request) -> Response:
            try:
                response = await handler(request)
                why = ""
            except NoView as error:
                response, why = _refused(error.rule), error.rule
            except WorkstationError as error:
                response, why = _problem(error), type(error).__name__
            path = request.url.path if "account" in request.path_params else "/v1/accounts"
            self._log("read", path=path[:200], peer=_peer(request), status=response.status_code, why=why)
            return response

        return answer

    async def _find(self, request: Request) -> Response:
        text = request.query_params.get("q", "").strip()
        asked = hashlib.sha256(text.encode()).hexdigest()
        await self._gate.admit(_presented(request, ""), "search", asked)
        return _json({"accounts": await self._cabinet.accounts.find(text)})

    async def _account(self, request: Request) -> Response:
        shown = _presented(request)
        view = await self._gate.admit(shown, "account")
        account, masker = await self._cabinet.account(shown.account)
        if account.vip:
            await self._gate.vip(view.ticket)
        return _json(masker.account(account), ETag=f'"{account.etag}"')

    async def _risk(self, request: Request) -> Response:
        shown = _presented(request)
        await self._gate.admit(shown, "risk")
        risk = await self._cabinet.risk(shown.account)
        return _json((await self._cabinet.masker(shown.account)).risk(risk))

    async def _events(self, request: Request) -> Response:
        shown, asked = _presented(request), request.query_params
        # First of all: whether there is such a source is nobody's business either.
        await self._gate.admit(shown, "")
        name = asked.get("source", "")
        span = Span(_instant(asked.get("since", "")), _instant(asked.get("until", "")))
        source = self._cabinet.source(name)
        await self._gate.admit(shown, "events", name)
        masker = await self._cabinet.masker(shown.account)
        only = _only(asked.get(QUERY, ""), asked.get(NOW, ""))
        pages = source.pages(shown.account, span, asked.get("cursor") or None, narrowed(only))
        return Stream(
            pages,
            masker,
            lambda: self._gate.admit(shown, ""),
            packed="gzip" in request.headers.get("accept-encoding", ""),
            parted=bool(asked.get(PARTS)),
            keep=(lambda event: matches(only.query, event, only.now_us)) if only.query else None,
        )

    async def _field(self, request: Request) -> Response:
        shown, field = _presented(request), str(request.path_params["field"])
        view = await self._gate.admit(shown, "")
        if field not in view.revealed:
            raise NoView("not_revealed")
        await self._gate.admit(shown, "reveal", field)
        account, _ = await self._cabinet.account(shown.account)
        return _json(Field(values=_values(account, field)))

    async def _recipient(self, request: Request) -> Response:
        shown = _presented(request)
        view = await self._gate.admit(shown, "recipient")
        account, _ = await self._cabinet.account(shown.account)
        contact = account.address_on_record(view.trouble_since) if view.trouble_since else None
        name = account.name.split()[0] if account.name.strip() else ""
        await self._gate.recipient(shown, contact.value if contact else "", name)
        return _json(Frozen(masked=mask_email(contact.value) if contact else "", named=bool(name)))

    async def _pin(self, request: Request) -> Response:
        shown = _presented(request)
        await self._gate.admit(shown, "")
        wanted = await _body(request, Pinning)
        event = await self._cabinet.record(shown.account, wanted.source, wanted.event, wanted.time_us)
        (seen,) = (await self._cabinet.masker(shown.account)).events((event,))
        return _json(await self._gate.pin(shown, event.source, event.id, summary(seen), event.raw))

    async def _sharing(self, request: Request) -> Response:
        shown = _presented(request)
        await self._gate.admit(shown, "")
        asked = await _body(request, Asking, ASKING_MAX)
        # The kind of value is on record, the values are not: they are the client's.
        await self._gate.admit(shown, "sharing", asked.field if asked.field in STRENGTH else "?")
        span = Span(_instant(asked.since), _instant(asked.until))
        return _json(await self._cabinet.sharing.sharing(shown.account, asked.field, asked.values, span))


#: Fields that masking never touches. Of the others a store is not asked: it holds them whole, and from which events it
#: gives anybody could tell, letter by letter, what is masked.
OPEN = frozenset(field for field, attribute in FIELDS.items() if attribute not in TEXTS)


def narrowed(only: Only) -> Only:
    """Return what a store behind the wall may be asked: the terms that ask fields without masks alone."""
    return Only(edit.about(only.query, OPEN), only.now_us)


def _only(query: str, now: str) -> Only:
    """Return what is wanted. Raises Invalid."""
    if not query:
        return ALL
    if len(query) > QUERY_MAX or not (now.isascii() and now.isdigit() and len(now) < 20):
        raise Invalid("That query cannot be asked.", "Read without one; what is not wanted is left out by who reads.")
    return Only(edit.of_events(parse(query)), int(now))


def _presented(request: Request, account: str | None = None) -> Presented:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NoView("ticket_unknown")
    return Presented.of(token, request.path_params["account"] if account is None else account, _peer(request))


def _peer(request: Request) -> str:
    """Who asks, as the socket says: an account of this machine, or an address. Nothing of a header counts."""
    return request.client.host if request.client else ""


def _values(account: Account, field: str) -> tuple[str, ...]:
    if field == "name":
        return (account.name,) if account.name else ()
    return tuple(c.value for c in account.contacts if c.kind is _FIELDS[field] and c.replaced_at is None)


def _instant(text: str) -> int:
    try:
        return to_micros(parse_instant(text))
    except (ValueError, OverflowError) as error:
        raise Invalid("since and until are times with a zone (RFC 3339).", "Correct the request.") from error


async def _body(request: Request, into: type[T], most: int = BODY_MAX) -> T:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise Invalid("The request is too large.", "Correct the request.")
    try:
        return msgspec.json.decode(body, type=into)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid("The request has another shape.", "Correct the request.") from error


def _json(content: Any, **headers: str) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json", headers={**_PRIVATE, **headers})


#: Client data stays in no cache on the way (RFC 9111, 5.2.2.5).
_PRIVATE = {"Cache-Control": "no-store"}


def _refused(rule: str) -> Response:
    what, hint = sentence(rule)
    # 401 asks for another ticket, which the store grants or refuses with its own word; 403 is about this one's purpose.
    status = 403 if rule in ("ticket_other_account", "ticket_other_peer", "not_revealed") else 401
    return _told_as(status, what, hint, rule, {"WWW-Authenticate": "Bearer"} if status == 401 else {})


def _problem(error: WorkstationError) -> Response:
    headers = {}
    match error:
        case SourceMissing():
            status = 404
        case SourceBusy():
            status = 503
            headers = {"Retry-After": str(round(error.retry_after or 1))}
        case StoreError():
            status = 503
        case SourceError():
            status = 502
        case _:
            status = 400
    # A system's own words may quote what was asked for.
    return _told_as(status, Masker(None).text(error.what), error.hint, "", headers)


def _told_as(status: int, what: str, hint: str, rule: str, headers: dict[str, str]) -> Response:
    body = {
        "type": RULE + rule if rule else "about:blank",
        "title": what,
        "status": status,
        "detail": what,
        "hint": hint,
    }
    return Response(msgspec.json.encode(body), status, {**_PRIVATE, **headers}, media_type="application/problem+json")


async def _plain(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _told_as(status, "There is nothing here.", "See docs/viewing.md.", "", {})
