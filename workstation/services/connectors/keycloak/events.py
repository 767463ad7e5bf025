"""Keycloak's two logs as event sources: what users did, and what was done to them through the Admin API.

Both are read in windows from the newest to the oldest, each window ascending with two seconds of overlap
between the requests and without rows seen before: descending pages repeat rows when new ones arrive, rows
of one millisecond come in any order, and an event may appear with a time below one already seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from workstation.services.connectors.keycloak.client import KeycloakRealm
from workstation.services.connectors.keycloak.shapes import EventsConfig
from workstation.services.connectors.keycloak.snapshot import names_user
from workstation.services.errors import Invalid, WorkstationError
from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping.keycloak import map_record
from workstation.services.timeline.source import ALL, Only, Page, Span

#: How much later than its time an event may appear.
OVERLAP_MS = 2_000
#: Rows of one request; the server's default is 100, and it takes any number.
ROWS = 1_000
#: The first window, a week; the next ones double while they hold less than half a request.
WINDOW_MS = 7 * 86_400_000

#: Types of events without which an account's story has holes. A realm may be set to keep only some.
TYPES = frozenset(
    {
        "LOGIN",
        "LOGIN_ERROR",
        "LOGOUT",
        "UPDATE_CREDENTIAL",
        "REMOVE_CREDENTIAL",
        "UPDATE_EMAIL",
        "UPDATE_PROFILE",
        "RESET_PASSWORD",
    }
)
#: Types that Keycloak (26.7) still sends beside the newer ones in the same moment: one act, told twice. The newer one
#: says what it is about.
TWINS = {
    "UPDATE_TOTP": ("UPDATE_CREDENTIAL", "otp"),
    "UPDATE_PASSWORD": ("UPDATE_CREDENTIAL", "password"),
    "REMOVE_TOTP": ("REMOVE_CREDENTIAL", "otp"),
}
#: Time in ms, id, the record's own text, the record.
Row = tuple[int, str, bytes, dict[str, Any]]


class _Head(msgspec.Struct, frozen=True):
    id: str
    time: int


class KeycloakEvents:
    """An :class:`~workstation.services.timeline.source.EventSource` over one of the two logs.

    Made by :func:`sign_ins` and :func:`admin_acts`.

    Args:
        realm: as the reader (``view-events``); closed with this source.
        name: what rows and gaps call it.
        log: ``events`` or ``admin-events``.
        narrow: the query that finds one account in that log.
        mine: whether a row is about the account.
        lacks: what the realm's configuration says that this log does not hold, ``""`` where it holds all.
        window_ms: the first window in milliseconds.
        rows: rows of one request.
    """

    def __init__(
        self,
        realm: KeycloakRealm,
        name: str,
        *,
        log: str,
        narrow: Callable[[str], tuple[str, str]],
        mine: Callable[[dict[str, Any], str], bool],
        lacks: Callable[[EventsConfig], str],
        window_ms: int,
        rows: int,
    ) -> None:
        self._realm = realm
        self._name = name
        self._path = realm.path(log)
        self._narrow = narrow
        self._mine = mine
        self._lacks = lacks
        self._window_ms = window_ms
        self._rows = rows

    @property
    def name(self) -> str:
        """The name that rows and gaps show."""
        return self._name

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        """Yield a page for each window, newest first, until the span is exhausted.

        A realm that does not keep this log, or not all of it, would just answer "nothing", so that is asked
        first: its pages are ``partial`` and say so.

        Args:
            account: the user's id.
            span: what to fetch.
            cursor: milliseconds since the epoch; what is not older than that was had.

        Raises:
            SourceError: after the pages that could be had.
        """
        why = self._lacks(await self._realm.http.get(self._realm.path("events", "config"), EventsConfig))
        covers = await self._coverage(span)
        since, end = span.since_us // 1000, -(-span.until_us // 1000)
        # A row at or above the place of a resumed reading was had with the page that carried it.
        until = below = _cursor(cursor) if cursor else end + 1
        width, had = self._window_ms, frozenset[str]()
        while True:
            start = max(since, until - width)
            # The window reaches into the newer one: what appeared late is there by now.
            rows, bad = await self._window(account, start, min(until + OVERLAP_MS, end))
            fresh = [row for row in rows if row[1] not in had and row[0] < below]
            events, unmapped = await asyncio.to_thread(_events, _told_once(fresh), span)
            last = start <= since
            said = why or (f"{bad + unmapped} records could not be read" if bad + unmapped else "")
            yield Page(events=events, cursor=None if last else str(start), partial=bool(said), why=said, covers=covers)
            if last:
                return
            until, had = start, frozenset(row[1] for row in rows if row[0] <= start + OVERLAP_MS)
            width = width * 2 if len(rows) < self._rows // 2 else self._window_ms

    async def aclose(self) -> None:
        """Release connections."""
        await self._realm.aclose()

    async def _coverage(self, span: Span) -> Span | None:
        """The log reaches back to its oldest row, whoever's that is; an empty one vouches for nothing."""
        oldest = await self._realm.http.get(self._path, list[_Head], [("direction", "asc"), ("max", "1")])
        if not oldest:
            return None
        return Span(min(max(oldest[0].time * 1000, span.since_us), span.until_us), span.until_us)

    async def _window(self, account: str, since: int, until: int) -> tuple[list[Row], int]:
        """Return the account's rows from `since` to `until` (ms, both included), and how many could not be read."""
        rows: dict[str, Row] = {}
        bad: set[bytes] = set()
        start, count = since, self._rows
        while True:
            query = [
                self._narrow(account),
                ("dateFrom", str(start)),
                ("dateTo", str(until)),
                ("direction", "asc"),
                ("max", str(count)),
            ]
            answer = await self._realm.http.get(self._path, list[msgspec.Raw], query)
            page, unread = await asyncio.to_thread(_rows, answer)
            rows.update((row[1], row) for row in page if self._mine(row[3], account))
            bad.update(unread)
            if len(answer) < count:
                return sorted(rows.values(), key=lambda row: row[:2]), len(bad)
            ahead = page[-1][0] - OVERLAP_MS if page else start
            # A whole request within the overlap: going on by time would stand still, and going on by number
            # would lose rows, since those of one millisecond come in any order. So more are asked for at once.
            start, count = (ahead, self._rows) if ahead > start else (start, count * 2)


def sign_ins(
    realm: KeycloakRealm,
    name: str = "keycloak sign-ins",
    window_ms: int = WINDOW_MS,
    rows: int = ROWS,
) -> KeycloakEvents:
    """Return the log of what users did: sign-ins, failures, changes of their own credentials.

    Failures of user names that do not exist carry no user and belong to no account.
    """
    return KeycloakEvents(
        realm,
        name,
        log="events",
        narrow=lambda account: ("user", account),
        mine=lambda record, account: record.get("userId") == account,
        lacks=_unkept_types,
        window_ms=window_ms,
        rows=rows,
    )


def admin_acts(
    realm: KeycloakRealm, name: str = "keycloak admin", window_ms: int = WINDOW_MS, rows: int = ROWS
) -> KeycloakEvents:
    """Return the log of what was done to users through the Admin API: disabled, unlocked, factors removed."""
    return KeycloakEvents(
        realm,
        name,
        log="admin-events",
        # An unlock is filed under attack-detection/brute-force/users/ID.
        narrow=lambda account: ("resourcePath", f"*{account}*"),
        mine=lambda record, account: names_user(str(record.get("resourcePath", "")), account),
        lacks=lambda config: "" if config.admin_events_enabled else "the realm keeps no events of its Admin API",
        window_ms=window_ms,
        rows=rows,
    )


def _cursor(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdigit()):
        raise Invalid("That place in the log cannot be read.", "Load the timeline again.")
    return int(cursor)


def _rows(answer: list[msgspec.Raw]) -> tuple[list[Row], list[bytes]]:
    """Split an answer into rows, ascending, and the texts that are none."""
    rows: list[Row] = []
    bad: list[bytes] = []
    for raw in answer:
        text = bytes(raw)
        try:
            text = msgspec.json.format(text, indent=-1)
            head, record = msgspec.json.decode(text, type=_Head), msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            bad.append(text)
        else:
            rows.append((head.time, head.id, text, record))
    return sorted(rows, key=lambda row: row[:2]), bad


def _events(rows: list[Row], span: Span) -> tuple[tuple[Event, ...], int]:
    """Return the events within `span`, newest first, and how many rows could not be mapped."""
    events: list[Event] = []
    unmapped = 0
    for _, _, text, record in reversed(rows):
        try:
            event = map_record(record, text)
        except (ValueError, WorkstationError):
            unmapped += 1
        else:
            events.append(event)
    return tuple(event for event in events if span.since_us <= event.time_us < span.until_us), unmapped


def _told_once(rows: list[Row]) -> list[Row]:
    """Leave out the older twin of an act. Rows of one millisecond come in one window."""
    newer = {(_moment(row), (_text(row[3], "type"), _text(row[3].get("details"), "credential_type"))) for row in rows}
    return [row for row in rows if (_moment(row), TWINS.get(_text(row[3], "type"))) not in newer]


def _moment(row: Row) -> tuple[int, str, str]:
    return row[0], _text(row[3], "userId"), _text(row[3], "sessionId")


def _text(record: object, name: str) -> str:
    return str(record.get(name, "")) if isinstance(record, dict) else ""


def _unkept_types(config: EventsConfig) -> str:
    if not config.events_enabled:
        return "the realm keeps no events of its users"
    missing = sorted(TYPES - set(config.enabled_event_types))
    return f"the realm does not keep {', '.join(missing)}" if missing else ""
