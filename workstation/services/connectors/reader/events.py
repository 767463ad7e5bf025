"""Events by way of the reader: a stream of masked pages that ends when the right to look does."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import msgspec

from workstation.services.clock import from_micros
from workstation.services.connectors.answers import Answer, refusal
from workstation.services.connectors.endpoint import route
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.reader.client import NAME, ReaderClient, ViewTicket, ruled
from workstation.services.errors import SourceDenied, SourceDown, SourceError, SourceGarbled
from workstation.services.reading.wire import NOW, PARTS, QUERY, QUERY_MAX, Failed, Line
from workstation.services.timeline.event import Event
from workstation.services.timeline.source import ALL, Only, Page, Span

#: The longest line: a page of ten thousand events of 3 KB, as a source of ours sends at most.
LINE_MAX = 32 * 1024 * 1024
#: Events of a page that comes in parts.
PAGE_MAX = 10_000
#: The longest refusal that is read.
_PROBLEM_MAX = 64 * 1024
_decoder = msgspec.json.Decoder(Line)


class ReaderEvents:
    """An :class:`~workstation.services.timeline.source.EventSource` behind view tickets.

    Args:
        client: the way to the reader; closed by the accounts that share it.
        name: the source, as the reader's settings call it.
        surroundings: for the clock.
    """

    def __init__(self, client: ReaderClient, name: str, surroundings: Surroundings) -> None:
        self._client = client
        self._name = name
        self._clock = surroundings.clock
        self._closed = False

    @property
    def name(self) -> str:
        """The name that rows and gaps show."""
        return self._name

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        """Yield pages newest first until the span is exhausted.

        A stream whose ticket ended goes on after the last page with the next ticket, where the store gives one.

        Raises:
            Refused: the store gives no right to look, or took it back.
            SourceDenied: the reader ended the stream and says why.
            SourceError: the reader or the source behind it is away.
        """
        if self._closed:
            raise SourceDown("The connection to the reader was closed.", "Open it again.")
        renewed = False
        while True:
            failed: Failed | None = None
            async with self._asked(account, span, cursor, only) as answer:
                if answer is None:
                    failed = Failed(what="", rule="ticket_expired")
                else:
                    parts: list[Event] = []
                    async for line in _lines(answer):
                        parts += line.events
                        if len(parts) > PAGE_MAX:
                            raise SourceGarbled("The reader sent a page that is too long.", "Choose a shorter span.")
                        if line.page is not None:
                            renewed = False
                            yield _whole(parts, line.page)
                            parts = []
                            cursor = line.page.cursor
                        elif line.failed is not None:
                            failed = line.failed
                        elif line.end:
                            return
            if failed is None:
                raise SourceGarbled("The reader broke off in the middle of its answer.", "Try again.")
            if not failed.rule or failed.rule == "store_away":
                raise SourceDown(failed.what, failed.hint)
            self._client.tickets.drop(account)
            if renewed:
                raise SourceDenied(failed.what or "The reader does not accept our view.", failed.hint)
            renewed = True

    async def aclose(self) -> None:
        """Read no more; the client is not ours to close."""
        self._closed = True

    @asynccontextmanager
    async def _asked(
        self, account: str, span: Span, cursor: str | None, only: Only
    ) -> AsyncIterator[httpx.Response | None]:
        """Ask for the stream; None where the ticket did not hold."""
        client = await self._client.streaming()
        header = await ViewTicket(self._client.tickets, account).header()
        query = {"source": self._name, "since": _instant(span.since_us), "until": _instant(span.until_us), PARTS: "1"}
        wanted = str(only.query) if only.query else ""
        if 0 < len(wanted) <= QUERY_MAX:
            query |= {QUERY: wanted, NOW: str(only.now_us)}
        path = route("v1", "accounts", account, "events")
        try:
            async with client.stream(
                "GET",
                path,
                params={**query, **({"cursor": cursor} if cursor else {})},
                headers={"Authorization": header},
            ) as response:
                if response.status_code == 401:
                    yield None
                    return
                if response.status_code != 200:
                    raise await self._refusal(response, header)
                yield response
        except httpx.TransportError as error:
            raise _no_answer(error) from error

    async def _refusal(self, response: httpx.Response, header: str) -> Exception:
        body = b""
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > _PROBLEM_MAX:
                break
        headers = {k.lower(): v for k, v in response.headers.items()}
        answer = Answer(status=response.status_code, headers=headers, body=body)
        return ruled(answer) or refusal(answer, NAME, self._clock, (header.rpartition(" ")[2],))


def _no_answer(error: httpx.TransportError) -> SourceError:
    if isinstance(error, httpx.TimeoutException):
        return SourceDown("The reader does not answer.", "Client data comes through it: see whether it runs.")
    return SourceDown("The reader cannot be reached.", "Client data comes through it: see whether it runs.")


async def _lines(response: httpx.Response) -> AsyncIterator[Line]:
    """Yield the stream's lines. Raises SourceGarbled for one that is too long or of another shape."""
    packed = response.headers.get("content-encoding", "") == "gzip"
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS) if packed else None
    rest: list[bytes] = []
    size = 0
    async for piece in response.aiter_raw():
        try:
            # A piece of the network is small, but what it unpacks to need not be.
            more = unpack.decompress(piece, LINE_MAX) if unpack else piece
        except zlib.error as error:
            raise SourceGarbled("The reader sent a packed answer that is damaged.", "Try again.") from error
        if unpack is not None and unpack.unconsumed_tail:
            raise SourceGarbled("The reader sent a line that is too long.", "Choose a shorter span.")
        *ended, begun = more.split(b"\n")
        for part in ended:
            rest.append(part)
            yield _read(b"".join(rest))
            rest, size = [], 0
        if begun:
            rest.append(begun)
            size += len(begun)
        if size > LINE_MAX:
            raise SourceGarbled("The reader sent a line that is too long.", "Choose a shorter span.")


def _whole(parts: list[Event], page: Page) -> Page:
    return msgspec.structs.replace(page, events=(*parts, *page.events)) if parts else page


def _read(text: bytes) -> Line:
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceGarbled(
            "The reader answered in another shape.", "Its version may be another: tell who runs it."
        ) from error


def _instant(us: int) -> str:
    return from_micros(us).isoformat().replace("+00:00", "Z")
