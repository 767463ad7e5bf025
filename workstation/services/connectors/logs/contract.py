"""Events by our own HTTP contract, version 1 (``docs/connectors.md``), with the read token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec

from workstation.services.clock import from_micros, parse_instant, to_micros
from workstation.services.connectors.endpoint import route
from workstation.services.connectors.http import HttpSystem, Surroundings
from workstation.services.connectors.logs.access import credential, endpoint, policy
from workstation.services.connectors.logs.descent import Descent
from workstation.services.errors import SourceGarbled
from workstation.services.timeline.event import FIELDS, Event, Outcome
from workstation.services.timeline.source import ALL, Only, Page, Span
from workstation.settings import LogSettings

#: Events a page; the contract's own maximum.
PAGE = 1000
_TEXT = {name: attribute for name, attribute in FIELDS.items() if attribute != "outcome"}
_OUTCOMES = frozenset(Outcome)


class _Covers(msgspec.Struct, frozen=True):
    since: datetime
    until: datetime


class _Page(msgspec.Struct, frozen=True):
    events: list[msgspec.Raw]
    next: str | None
    covers: _Covers | None = None
    partial: bool = False
    why: str = ""


class ContractEvents:
    """An :class:`~workstation.services.timeline.source.EventSource` over the contract.

    Args:
        http: the system with the read token; closed with this source.
        name: what rows and gaps call it.
        dataset: ask for one ``event.dataset`` only; others are left out here where the system ignores that.
        page: events asked for at once, at most :data:`PAGE`.
    """

    def __init__(self, http: HttpSystem, name: str, dataset: str = "", page: int = PAGE) -> None:
        self._http = http
        self._name = name
        self._dataset = dataset
        self._page = page

    @property
    def name(self) -> str:
        """The name that rows and gaps show."""
        return self._name

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        """Yield pages newest first until the span is exhausted.

        A record that cannot be read, or is about somebody else, is left out and the page says so
        (``partial``): it is never dropped in silence.

        Raises:
            SourceGarbled: the system hands out a cursor a second time, which would never end, or does not answer
                newest first.
            SourceError: after the pages that could be had.
        """
        path = route("v1", "accounts", account, "events")
        query = [
            ("since", _instant(span.since_us)),
            ("until", _instant(span.until_us)),
            ("limit", str(self._page)),
            *([("dataset", self._dataset)] if self._dataset else []),
        ]
        seen: set[str] = set()
        descent = Descent(self._name)
        while True:
            answer = await self._http.get(path, _Page, [*query, *([("cursor", cursor)] if cursor else [])])
            # A thousand records take about 10 ms, which would be felt at the keyboard.
            page = await asyncio.to_thread(self._read, answer, account, span)
            yield msgspec.structs.replace(page, events=descent.page(page.events))
            cursor = answer.next
            if not cursor:
                return
            if cursor in seen:
                raise SourceGarbled(f"{self._name} sends us round in circles; older events are missing.", "Try again.")
            seen.add(cursor)

    async def aclose(self) -> None:
        """Release connections."""
        await self._http.aclose()

    def _read(self, page: _Page, account: str, span: Span) -> Page:
        events: list[Event] = []
        unreadable = foreign = 0
        for raw in page.events:
            event = read_event(bytes(raw), self._name)
            if event is None:
                unreadable += 1
            elif event.account not in ("", account) and event.actor != account:
                foreign += 1
            elif span.since_us <= event.time_us < span.until_us and self._dataset in ("", event.source):
                events.append(event)
        problems = [
            *([page.why or "it did not see all of its data"] if page.partial else []),
            *([f"{unreadable} records could not be read"] if unreadable else []),
            *([f"{foreign} records of another account were left out"] if foreign else []),
        ]
        covers = Span(to_micros(page.covers.since), to_micros(page.covers.until)) if page.covers else None
        return Page(
            events=tuple(events), cursor=page.next, partial=bool(problems), why="; ".join(problems), covers=covers
        )


def source(chosen: LogSettings, secret: str, surroundings: Surroundings) -> ContractEvents:
    """Return the source of a ``[[logs]]`` table. Raises Invalid."""
    http = HttpSystem(endpoint(chosen), credential(chosen, secret), surroundings, policy(chosen))
    return ContractEvents(http, chosen.name, chosen.dataset)


def read_event(text: bytes, source: str) -> Event | None:
    """Return the event that one record of the contract stands for; None where it has no id or no time.

    Args:
        text: the record's JSON text as it came; kept compactly as the event's raw bytes.
        source: what the event's source is called where the record does not say.
    """
    try:
        raw = msgspec.json.format(text, indent=-1)
        record: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # a page is only split, not read: a lone surrogate shows here
    if not isinstance(record, dict):
        return None
    time_us, ingested_us = _time(record.get("@timestamp")), _time(record.get("event.ingested"))
    if time_us is None or not isinstance(record.get("event.id"), str):
        return None
    values = {attribute: _plain(record[name]) for name, attribute in _TEXT.items() if name in record}
    outcome = record.get("event.outcome")
    return Event(
        **{"action": "", **values, "source": values.get("source") or source},
        # An outcome that we do not know is unknown, never success.
        outcome=Outcome(outcome) if outcome in _OUTCOMES else Outcome.UNKNOWN,
        time_us=time_us,
        ingested_us=ingested_us or 0,
        raw=raw,
    )


def _plain(value: Any) -> str:
    """Return a value as text; an absent one is empty, several are joined (ECS allows lists, event.category)."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return "" if value is None else str(value)


def _time(value: Any) -> int | None:
    try:
        return to_micros(parse_instant(value)) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _instant(us: int) -> str:
    return from_micros(us).isoformat().replace("+00:00", "Z")
