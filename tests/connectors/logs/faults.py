"""What every log source over HTTP does when its store fails, in each of the ways in which stores fail.

A subclass gives the fixture `subject`; the store in it answers as it should, and the faults are laid over that. What is
asked of a source under any fault is the same: what it gave is right (each event once, newest first, within the span,
of the account), and what it did not give is either said (an error of the tree with something to do, or a partial page)
or had by going on from the last cursor. Never lost in silence, never twice, never for ever.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import httpx
import pytest

from tests.connectors.wire import Pauses, Wire, surroundings
from tests.contracts.event_source import Story, events
from workstation.services.connectors.http import Surroundings
from workstation.services.errors import (
    SourceBusy,
    SourceDenied,
    SourceDown,
    SourceError,
    SourceGarbled,
    WorkstationError,
)
from workstation.services.timeline.source import EventSource, Page

Serve = Callable[[httpx.Request], httpx.Response]
#: Pages after which a source is taken to go on for ever.
FOR_EVER = 200


class Subject(NamedTuple):
    """A source and the store behind it.

    `serve` answers as the store should; `is_page` is whether a request asks for events (only those go wrong); `make`
    returns the source with a page size that needs at least four requests for `story`, given the surroundings and the
    seconds of one call.
    """

    serve: Serve
    is_page: Callable[[httpx.Request], bool]
    make: Callable[[Surroundings, float], EventSource]
    story: Story


class Faulty:
    """The store with a fault: `spoil` gets the right answer of the requests for events numbered in `which`."""

    def __init__(self, subject: Subject, spoil: Callable[[httpx.Response], Any], which: Callable[[int], bool]) -> None:
        self._subject = subject
        self._spoil = spoil
        self._which = which
        self.asked = 0
        self.healed = False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        answer = self._subject.serve(request)
        if not self._subject.is_page(request):
            return answer
        number, self.asked = self.asked, self.asked + 1
        if self.healed or not self._which(number):
            return answer
        spoilt = self._spoil(answer)
        return await spoilt if asyncio.iscoroutine(spoilt) else spoilt  # type: ignore[no-any-return]


class _Torn(httpx.AsyncByteStream):
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body
        raise httpx.ReadError("the other side went away")


def torn(answer: httpx.Response) -> httpx.Response:
    """The connection is cut in the middle of the body."""
    return httpx.Response(200, headers=_kind(answer), stream=_Torn(answer.content[: len(answer.content) // 2]))


def refused(answer: httpx.Response) -> httpx.Response:
    raise httpx.ConnectError("nobody listens")


async def silent(answer: httpx.Response) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError("nothing ever comes")


def busy(answer: httpx.Response) -> httpx.Response:
    return httpx.Response(429, text="too many requests", headers={"Retry-After": "1"})


def page_of_a_proxy(answer: httpx.Response) -> httpx.Response:
    return httpx.Response(200, html="<html><title>Sign in</title></html>")


def failed_proxy(answer: httpx.Response) -> httpx.Response:
    return httpx.Response(502, html="<html>Bad Gateway</html>")


def denied(answer: httpx.Response) -> httpx.Response:
    return httpx.Response(401, html="<html>401 Authorization Required</html>")


def another_shape(answer: httpx.Response) -> httpx.Response:
    return httpx.Response(200, headers=_kind(answer), content=b'{"surprise": [1, 2, 3]}')


def half(answer: httpx.Response) -> httpx.Response:
    """A whole answer by its length, of which the store wrote only a part."""
    return httpx.Response(200, headers=_kind(answer), content=answer.content[: len(answer.content) // 2])


def deep(answer: httpx.Response) -> httpx.Response:
    return httpx.Response(200, headers=_kind(answer), content=b'{"a":' * 100_000 + b"1" + b"}" * 100_000)


def _kind(answer: httpx.Response) -> dict[str, str]:
    return {"Content-Type": answer.headers.get("content-type", "application/json")}


async def drain(
    source: EventSource, story: Story, cursor: str | None = None
) -> tuple[list[Page], WorkstationError | None]:
    """Return the pages that came and the error that ended them; more than :data:`FOR_EVER` fail the test."""
    pages: list[Page] = []
    try:
        async for page in source.pages(story.account, story.span, cursor):
            pages.append(page)
            assert len(pages) < FOR_EVER, "it never ends"
    except WorkstationError as error:
        return pages, error
    return pages, None


def right(pages: list[Page], error: WorkstationError | None, story: Story) -> None:
    """Hold what came against what there is."""
    got = [event.id for event in events(pages)]
    times = [event.time_us for event in events(pages)]
    assert len(got) == len(set(got)), "an event came twice"
    assert set(got) <= story.ids, "an event of nobody"
    assert times == sorted(times, reverse=True), "not newest first"
    assert all(story.span.since_us <= time < story.span.until_us for time in times)
    if error is not None:
        assert error.what and error.hint, "an error says what to do"
    elif not any(page.partial for page in pages):
        assert set(got) == story.ids, "events are missing in silence"
    assert all(page.why for page in pages if page.partial)


class LogFaults:
    """Subclasses give the fixture `subject`."""

    async def _goes_on(
        self, subject: Subject, faulty: Faulty, pauses: Pauses, deadline_s: float = 30.0
    ) -> WorkstationError:
        """Read until the fault, heal the store, go on from the last cursor: everything once. Return the error."""
        source = subject.make(_over(faulty, pauses), deadline_s)
        first, error = await drain(source, subject.story)
        await source.aclose()
        right(first, error, subject.story)
        assert error is not None, "the fault was not noticed"
        faulty.healed = True
        cursor = next((page.cursor for page in reversed(first) if page.cursor), None)
        source = subject.make(_over(faulty, pauses), 30.0)
        rest, again = await drain(source, subject.story, cursor)
        await source.aclose()
        assert again is None
        got = [event.id for event in events(first + rest)]
        assert len(got) == len(set(got)), "an event came twice after going on"
        assert set(got) == subject.story.ids, "events were lost by going on"
        return error

    @pytest.mark.parametrize("from_request", [0, 1, 2, 3])
    @pytest.mark.parametrize(
        ("spoil", "kind"),
        [
            (torn, SourceError),
            (refused, SourceDown),
            (silent, SourceDown),
            (busy, SourceBusy),
            (page_of_a_proxy, SourceGarbled),
            (failed_proxy, SourceDown),
            (denied, SourceDenied),
            (another_shape, SourceGarbled),
            (half, SourceError),
            (deep, SourceGarbled),
        ],
    )
    async def test_a_fault_is_an_error_and_reading_goes_on_where_it_was(
        self, subject: Subject, spoil: Callable[[httpx.Response], Any], kind: type[SourceError], from_request: int
    ) -> None:
        faulty = Faulty(subject, spoil, lambda number: number >= from_request)
        error = await self._goes_on(subject, faulty, Pauses(), 0.2 if spoil is silent else 30.0)
        assert isinstance(error, kind), error

    @pytest.mark.parametrize("spoil", [torn, refused, busy, failed_proxy])
    async def test_a_passing_fault_is_asked_again(
        self, subject: Subject, spoil: Callable[[httpx.Response], Any]
    ) -> None:
        faulty, pauses = Faulty(subject, spoil, lambda number: number in (0, 2)), Pauses()
        source = subject.make(_over(faulty, pauses), 5.0)
        pages, error = await drain(source, subject.story)
        await source.aclose()
        assert error is None
        right(pages, None, subject.story)
        assert len(pauses) == 2 and (spoil is not busy or min(pauses) >= 1.0)

    async def test_a_page_that_comes_again_is_not_shown_again(self, subject: Subject) -> None:
        kept: list[httpx.Response] = []

        def same(answer: httpx.Response) -> httpx.Response:
            kept.append(answer)
            return httpx.Response(kept[0].status_code, headers=_whole(kept[0]), content=kept[0].content)

        await self._is_right(subject, Faulty(subject, same, lambda number: number in (1, 2)))

    async def test_a_store_that_never_ends_is_left(self, subject: Subject) -> None:
        kept: list[httpx.Response] = []

        def same(answer: httpx.Response) -> httpx.Response:
            kept.append(answer)
            return httpx.Response(kept[0].status_code, headers=_whole(kept[0]), content=kept[0].content)

        await self._is_right(subject, Faulty(subject, same, lambda number: number >= 1))

    async def test_a_closed_source_says_so(self, subject: Subject) -> None:
        source = subject.make(_over(Faulty(subject, torn, lambda _: False), Pauses()), 5.0)
        await source.aclose()
        _, error = await drain(source, subject.story)
        assert isinstance(error, SourceError)

    async def test_who_stops_reading_leaves_nothing_running(self, subject: Subject) -> None:
        before = asyncio.all_tasks()
        source = subject.make(_over(Faulty(subject, torn, lambda _: False), Pauses()), 5.0)
        pages = source.pages(subject.story.account, subject.story.span)
        await anext(pages)
        await pages.aclose()  # type: ignore[attr-defined]
        await source.aclose()
        assert asyncio.all_tasks() == before

    async def test_nothing_secret_or_personal_stands_in_an_error(self, subject: Subject) -> None:
        for spoil in (busy, denied, failed_proxy, another_shape):
            source = subject.make(_over(Faulty(subject, spoil, lambda _: True), Pauses()), 5.0)
            _, error = await drain(source, subject.story)
            await source.aclose()
            assert error is not None
            assert "read-me-not" not in error.sentence() and "http" not in error.sentence()

    async def _is_right(self, subject: Subject, faulty: Faulty) -> None:
        source = subject.make(_over(faulty, Pauses()), 5.0)
        pages, error = await drain(source, subject.story)
        await source.aclose()
        right(pages, error, subject.story)


def spoilt_records(
    subject: Subject, change: Callable[[Any], Any], which: Callable[[int], bool] = lambda _: True
) -> Faulty:
    """Return the store whose JSON answers to requests for events are changed by `change`."""

    def spoil(answer: httpx.Response) -> httpx.Response:
        return httpx.Response(200, headers=_kind(answer), content=json.dumps(change(json.loads(answer.content))))

    return Faulty(subject, spoil, which)


async def read_from(subject: Subject, faulty: Faulty) -> tuple[list[Page], WorkstationError | None]:
    """Read everything from a faulty store and hold it against what there is."""
    source = subject.make(_over(faulty, Pauses()), 5.0)
    pages, error = await drain(source, subject.story)
    await source.aclose()
    right(pages, error, subject.story)
    return pages, error


def _whole(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}


def _over(faulty: Faulty, pauses: Pauses) -> Surroundings:
    made = surroundings(None, pauses)
    return Surroundings(clock=made.clock, rng=made.rng, sleep=pauses, transport=Wire(faulty))
