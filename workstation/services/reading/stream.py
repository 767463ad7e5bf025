"""One source's pages as a stream of lines: masked, at the pace of whoever reads, only while the right to look lasts."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from workstation.services.acts.refusals import sentence
from workstation.services.errors import StoreError, WorkstationError
from workstation.services.reading.gate import NoView
from workstation.services.reading.masker import Masker
from workstation.services.reading.wire import BEAT_S, NDJSON, Failed, Line
from workstation.services.timeline.event import Event
from workstation.services.timeline.source import Page

#: Seconds between two questions whether the ticket still holds.
ASK_S = 1.0
#: The fastest level: it does nearly all of the work, and the reader has other people to serve.
GZIP_LEVEL = 1

#: Events that are masked in one go, about a millisecond, where the other side takes a page in parts; about what a
#: socket takes, so that it reads while the next part is masked.
PART = 250
#: Bytes that are handed on at once; of more the transport makes copies.
PIECE = 128 * 1024
_encode = msgspec.json.Encoder().encode_lines


class Stream(Response):
    """An answer that is written while its source is read.

    Args:
        pages: the source's, from where the reader begins.
        masker: of the account.
        still: raises NoView as soon as the ticket no longer holds.
        packed: whether the other side takes gzip.
        parted: whether it takes a page in parts.
        keep: whether an event is wanted; asked of masked events only, so that asking tells no more than reading.
    """

    media_type = NDJSON

    def __init__(
        self,
        pages: AsyncIterator[Page],
        masker: Masker,
        still: Callable[[], Awaitable[Any]],
        *,
        packed: bool,
        parted: bool = False,
        keep: Callable[[Event], bool] | None = None,
    ) -> None:
        super().__init__(headers={"Content-Encoding": "gzip"} if packed else None)
        del self.headers["content-length"]
        self._pages = pages
        self._masker = masker
        self._still = still
        self._parted = parted
        self._keep = keep
        self._gzip = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS) if packed else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write until the source ends, the ticket dies or the other side goes away."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        gone = asyncio.ensure_future(_disconnected(receive))
        writing = asyncio.ensure_future(self._write(send))
        try:
            await asyncio.wait({gone, writing}, return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                writing.result()
        finally:
            for task in (gone, writing):
                task.cancel()
            await asyncio.gather(gone, writing, return_exceptions=True)
            close = getattr(self._pages, "aclose", None)
            if close is not None:
                await close()

    async def _write(self, send: Send) -> None:
        async for line in self._lines():
            text = _encode((line,))
            if self._gzip is not None:
                text = self._gzip.compress(text) + self._gzip.flush(zlib.Z_SYNC_FLUSH)
            # Waits while the other side does not read: so much is held here and not more.
            view = memoryview(text)
            # Waits while the other side does not read: so much is held here and not more.
            for begin in range(0, len(view), PIECE):
                await send({"type": "http.response.body", "body": view[begin : begin + PIECE], "more_body": True})
            # Others have their turn, and what the socket did not take at once goes out while we mask the next part.
            await asyncio.sleep(0)
        last = self._gzip.flush() if self._gzip is not None else b""
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _lines(self) -> AsyncIterator[Line]:
        loop = asyncio.get_running_loop()
        asked = said = loop.time()
        coming = asyncio.ensure_future(anext(self._pages, None))
        try:
            while True:
                await asyncio.wait({coming}, timeout=max(0.0, asked + ASK_S - loop.time()))
                if loop.time() - asked >= ASK_S:
                    await self._still()
                    asked = loop.time()
                if coming.done():
                    page = coming.result()
                    if page is None:
                        yield Line(end=True)
                        return
                    said = loop.time()
                    for line in self._shown(page):
                        yield line
                    coming = asyncio.ensure_future(anext(self._pages, None))
                elif loop.time() - said >= BEAT_S:
                    said = loop.time()
                    yield Line()
        except NoView as error:
            what, hint = sentence(error.rule)
            yield Line(failed=Failed(what=what, hint=hint, rule=error.rule))
        except StoreError as error:
            yield Line(failed=Failed(what=error.what, hint=error.hint, rule="store_away"))
        except WorkstationError as error:
            yield Line(failed=Failed(what=self._masker.text(error.what), hint=error.hint))
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    def _shown(self, page: Page) -> Iterator[Line]:
        begin, every = 0, tuple(page.events)
        while self._parted and len(every) - begin > PART:
            yield Line(events=self._wanted(every[begin : begin + PART]))
            begin += PART
        last = self._wanted(every[begin:])
        yield Line(page=msgspec.structs.replace(page, events=last, why=self._masker.text(page.why)))

    def _wanted(self, events: tuple[Event, ...]) -> tuple[Event, ...]:
        shown, keep = self._masker.events(events), self._keep
        return shown if keep is None else tuple(event for event in shown if keep(event))


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
