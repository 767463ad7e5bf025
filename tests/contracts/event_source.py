"""What every EventSource does."""

from __future__ import annotations

import json

import msgspec
import pytest

from workstation.services.errors import SourceError
from workstation.services.timeline.event import Event
from workstation.services.timeline.source import EventSource, Page, Span


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """What is known to be in the source: the ids of `account` within `span`, and a span that holds only some."""

    account: str
    span: Span
    ids: frozenset[str]
    part: Span
    part_ids: frozenset[str]
    nobody: str


async def read(source: EventSource, account: str, span: Span, cursor: str | None = None) -> list[Page]:
    return [page async for page in source.pages(account, span, cursor)]


def events(pages: list[Page]) -> list[Event]:
    return [event for page in pages for event in page.events]


class EventSourceContract:
    """Subclasses give the fixtures `source` and `story`."""

    async def test_has_a_name(self, source: EventSource, story: Story) -> None:
        assert source.name

    async def test_gives_everything_of_the_account_once(self, source: EventSource, story: Story) -> None:
        got = [event.id for event in events(await read(source, story.account, story.span))]
        assert len(got) == len(set(got))
        assert set(got) == story.ids

    async def test_gives_newest_first(self, source: EventSource, story: Story) -> None:
        times = [event.time_us for event in events(await read(source, story.account, story.span))]
        assert times == sorted(times, reverse=True)

    async def test_gives_nothing_outside_the_span(self, source: EventSource, story: Story) -> None:
        got = events(await read(source, story.account, story.part))
        assert {event.id for event in got} == story.part_ids
        assert all(story.part.since_us <= event.time_us < story.part.until_us for event in got)

    async def test_resumes_after_each_page_that_carries_a_cursor(self, source: EventSource, story: Story) -> None:
        pages = await read(source, story.account, story.span)
        assert pages[-1].cursor is None
        for number, page in enumerate(pages[:-1]):
            assert page.cursor is not None
            rest = events(await read(source, story.account, story.span, page.cursor))
            assert [event.id for event in rest] == [event.id for event in events(pages[number + 1 :])]

    async def test_keeps_the_raw_record_of_every_event(self, source: EventSource, story: Story) -> None:
        for event in events(await read(source, story.account, story.span)):
            assert isinstance(json.loads(event.raw), dict)
            assert event.id.encode() in event.raw
            assert event.source

    async def test_gives_nothing_of_others(self, source: EventSource, story: Story) -> None:
        try:
            assert events(await read(source, story.nobody, story.span)) == []
        except SourceError as error:
            assert error.what

    async def test_raises_once_it_is_closed(self, source: EventSource, story: Story) -> None:
        await source.aclose()
        if story.ids:
            with pytest.raises(SourceError):
                await read(source, story.account, story.span)
