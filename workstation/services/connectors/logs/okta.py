"""Okta's System Log (``GET /api/v1/logs``), newest first.

Written after the vendor's documents and tried on answers of their shape; it never met the real thing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import msgspec

from workstation.services.clock import from_micros, to_micros
from workstation.services.connectors.answers import RETRY_AFTER_MAX_S, Answer
from workstation.services.connectors.decoding import decode
from workstation.services.connectors.http import HttpSystem, Surroundings
from workstation.services.connectors.logs.access import credential, endpoint, policy
from workstation.services.connectors.logs.descent import Descent
from workstation.services.errors import SourceBusy, SourceGarbled, WorkstationError
from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping.configured import Reader, reader
from workstation.services.timeline.mapping.records import Unmappable
from workstation.services.timeline.source import ALL, Only, Page, Span
from workstation.settings import LogSettings

PATH = "/api/v1/logs"
#: The most that one request gives (Okta, "System Log API").
PAGE = 1_000
#: How long Okta keeps events (Okta, "System Log API": "90 days").
RETENTION = timedelta(days=90)
_NEXT = re.compile(r'<([^<>]*)>\s*;\s*rel="?next"?')
_TRY_AGAIN = "Try again; if it stays, tell who runs that system."


class OktaSystem(HttpSystem):
    """One Okta organisation."""

    def refusal(self, answer: Answer, secrets: tuple[str, ...]) -> WorkstationError:
        """Return the error of an answer; a 429 says in ``X-Rate-Limit-Reset`` (Unix seconds) when to ask again."""
        error = super().refusal(answer, secrets)
        reset = answer.headers.get("x-rate-limit-reset", "")
        if isinstance(error, SourceBusy) and error.retry_after is None and reset.isascii() and reset.isdigit():
            wait = int(reset[:12]) - self.surroundings.clock.now().timestamp()
            wait = min(max(wait, 0.0), RETRY_AFTER_MAX_S)
            return SourceBusy(error.what, f"It asks to wait {wait:.0f} s.", retry_after=wait)
        return error


class OktaEvents:
    """An :class:`~workstation.services.timeline.source.EventSource` over a System Log.

    Args:
        http: the organisation with an API token; closed with this source.
        name: what rows and gaps call it.
        read: makes events of LogEvents.
        page: events asked for at once, at most :data:`PAGE`.
    """

    def __init__(self, http: OktaSystem, name: str, read: Reader, page: int = PAGE) -> None:
        self._http = http
        self._name = name
        self._read = read
        self._page = page

    @property
    def name(self) -> str:
        """The name that rows and gaps show."""
        return self._name

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        """Yield pages newest first until the span is exhausted. The cursor is Okta's own ``after``.

        Raises:
            SourceGarbled: Okta points elsewhere, round in circles, or does not answer newest first.
            SourceError: after the pages that could be had.
        """
        covers, descent, seen = self._covers(span), Descent(self._name), {cursor}
        while True:
            query = _question(account, span, self._page)
            answer = await self._http.fetch(PATH, [*query, *([("after", cursor)] if cursor else [])])
            rows = await decode(answer.body, list[msgspec.Raw], self._name)
            # A thousand records take about 20 ms, which would be felt at the keyboard.
            events, unreadable = await asyncio.to_thread(self._events, rows, span)
            page, cursor = descent.page(events), self._after(answer)
            why = f"{unreadable} records could not be read" if unreadable else ""
            yield Page(events=page, cursor=cursor, partial=bool(why), why=why, covers=covers)
            if cursor is None:
                return
            if cursor in seen:
                raise SourceGarbled(f"{self._name} sends us round in circles; older events are missing.", _TRY_AGAIN)
            seen.add(cursor)

    async def aclose(self) -> None:
        """Release connections."""
        await self._http.aclose()

    def _covers(self, span: Span) -> Span:
        kept = to_micros(self._http.surroundings.clock.now() - RETENTION)
        return Span(min(max(kept, span.since_us), span.until_us), span.until_us)

    def _events(self, rows: list[msgspec.Raw], span: Span) -> tuple[list[Event], int]:
        events, unreadable = [], 0
        for row in rows:
            try:
                event = self._read(bytes(row))
            except Unmappable:
                unreadable += 1
            else:
                if span.since_us <= event.time_us < span.until_us:
                    events.append(event)
        return events, unreadable

    def _after(self, answer: Answer) -> str | None:
        """Return where the next page begins; of the address that Okta names for it, no more than that is used.

        Raises:
            SourceGarbled: the address is not this log's, or names no place.
        """
        link = _NEXT.search(answer.headers.get("link", ""))
        if link is None:
            return None
        try:
            url = httpx.URL(link[1])
        except httpx.InvalidURL:
            url = httpx.URL()
        after: str = url.params.get("after", "")
        if not self._http.is_same_origin(url) or not url.path.endswith(PATH) or not after:
            raise SourceGarbled(
                f"{self._name} points to another place for the next page; it was not followed.", _TRY_AGAIN
            )
        return after


def source(chosen: LogSettings, secret: str, surroundings: Surroundings) -> OktaEvents:
    """Return the source of a ``[[logs]]`` table. Raises Invalid."""
    chosen = msgspec.structs.replace(chosen, auth=chosen.auth or "ssws")
    # Okta's limits are per minute: waiting for the next one is worth as long as the call may take.
    limits = msgspec.structs.replace(policy(chosen), retry_after_max_s=chosen.deadline_s)
    mapping = msgspec.structs.replace(chosen.mapping, records="okta")
    http = OktaSystem(endpoint(chosen), credential(chosen, secret), surroundings, limits)
    return OktaEvents(http, chosen.name, reader(mapping, chosen.name))


def _question(account: str, span: Span, page: int) -> list[tuple[str, str]]:
    # A text of a filter is written as one of JSON (RFC 7644, 3.4.2.2).
    who = msgspec.json.encode(account).decode()
    return [
        ("since", _instant(span.since_us)),
        # Without `until` Okta takes us for somebody who follows the log, and there is always a next page.
        ("until", _instant(-(-span.until_us // 1_000) * 1_000)),
        ("filter", f"actor.id eq {who} or target.id eq {who}"),
        ("sortOrder", "DESCENDING"),
        ("limit", str(page)),
    ]


def _instant(us: int) -> str:
    return from_micros(us).strftime("%Y-%m-%dT%H:%M:%S.") + f"{us // 1_000 % 1_000:03}Z"
