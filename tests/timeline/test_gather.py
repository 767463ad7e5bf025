"""Several sources in one order: nothing lost, nothing twice, failures as gaps, and everything closed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.timeline.events import SPAN, Script, event, page
from workstation.services.clock import FrozenClock
from workstation.services.errors import SourceDenied, SourceDown
from workstation.services.timeline import gather as module
from workstation.services.timeline.event import Event
from workstation.services.timeline.gather import gather
from workstation.services.timeline.source import Page, SourceState, Span
from workstation.services.views import TimelineView

NOW = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=900_000)


async def at_once() -> None:
    await asyncio.sleep(0)


async def forever() -> None:
    await asyncio.Event().wait()


async def views(*sources: Script, **options: Any) -> list[TimelineView]:
    options = {"breath": at_once, **options}
    return [view async for view in gather(sources, "m", SPAN, FrozenClock(NOW), **options)]


async def last(*sources: Script, **options: Any) -> TimelineView:
    return (await views(*sources, **options))[-1]


def names(view: TimelineView) -> list[str]:
    return [event.id for event in view.events]


def order(event: Event) -> tuple[int, str, str]:
    return (-event.time_us, event.source, event.id)


async def test_the_first_view_shows_every_source_as_loading_and_the_last_none() -> None:
    seen = await views(Script("a", [page(event("1", 5, "a"))]), Script("b", []))
    assert seen[0].events == ()
    assert {line.state for line in seen[0].sources} == {SourceState.LOADING}
    assert [(line.name, line.state, line.events) for line in seen[-1].sources] == [
        ("a", SourceState.LIVE, 1),
        ("b", SourceState.LIVE, 0),
    ]
    assert seen[-1].gaps == ()


async def test_no_source_at_all_is_one_empty_view() -> None:
    assert await views() == [TimelineView(events=(), gaps=(), sources=())]


async def test_one_order_newest_first_then_source_then_id() -> None:
    a = Script("a", [page(event("2", 5, "a"), event("1", 5, "a")), page(event("0", 1, "a"))])
    b = Script("b", [page(event("9", 9, "b")), page(event("1", 5, "b"), event("3", 3, "b"))])
    view = await last(a, b)
    assert [(e.source, e.id) for e in view.events] == [
        ("b", "9"),
        ("a", "1"),
        ("a", "2"),
        ("b", "1"),
        ("b", "3"),
        ("a", "0"),
    ]


async def test_disorder_repeats_and_what_lies_outside_the_span() -> None:
    a = Script(
        "a",
        [page(event("1", 1), event("5", 5)), page(event("5", 5), event("3", 3), event("x", 1_000_000), event("y", -1))],
    )
    view = await last(a)
    assert names(view) == ["5", "3", "1"]
    assert view.sources[0].events == 3


async def test_what_two_sources_deliver_is_shown_once_and_counted_for_both() -> None:
    view = await last(Script("live", [page(event("1", 1))]), Script("imported", [page(event("1", 1), event("2", 2))]))
    assert names(view) == ["2", "1"]
    assert [line.events for line in view.sources] == [1, 2]


async def test_a_failed_source_is_a_gap_below_what_it_delivered_and_the_rest_works() -> None:
    bad = Script("bad", [page(event("b", 600, "bad")), SourceDown("bad gave no answer.", "Try again.")])
    view = await last(bad, Script("good", [page(event("g", 100, "good"))]))
    assert names(view) == ["b", "g"]
    (gap,) = view.gaps
    assert (gap.source, gap.since_us, gap.until_us) == ("bad", 0, 600)
    assert (gap.why, gap.hint, gap.noticed_us) == ("bad gave no answer.", "Try again.", 900_000)
    line = view.sources[0]
    assert (line.state, line.why, line.events) == (SourceState.FAILED, "bad gave no answer.", 1)
    assert view.sources[1].state is SourceState.LIVE


async def test_a_source_that_delivered_nothing_leaves_a_gap_over_the_whole_span() -> None:
    view = await last(Script("bad", [SourceDenied("no right")]))
    assert [(gap.since_us, gap.until_us) for gap in view.gaps] == [(SPAN.since_us, SPAN.until_us)]


async def test_a_fault_in_a_connector_takes_nothing_of_the_others_away() -> None:
    view = await last(Script("bad", [ZeroDivisionError("secret")]), Script("good", [page(event("g", 1))]))
    assert names(view) == ["g"]
    assert view.sources[0].state is SourceState.FAILED
    assert "ZeroDivisionError" in view.gaps[0].why
    assert "secret" not in view.gaps[0].why


async def test_a_partial_page_makes_the_source_partial_with_every_reason_once() -> None:
    pages = [page(event("1", 9), partial=True, why="2 shards failed"), page(partial=True, why="2 shards failed")]
    view = await last(Script("a", [*pages, page(partial=True)]))
    assert view.sources[0].state is SourceState.PARTIAL
    assert view.sources[0].why == "2 shards failed; it did not see all of its data"
    assert names(view) == ["1"]


async def test_no_data_before_what_a_source_covers_is_a_gap_and_no_failure() -> None:
    a = Script("a", [page(event("1", 800), covers=Span(300, 2_000_000))])
    view = await last(a)
    assert [(g.since_us, g.until_us, g.why) for g in view.gaps] == [(0, 300, "no data before 1970-01-01 00:00Z")]
    assert view.sources[0].state is SourceState.LIVE


async def test_a_failure_and_missing_data_do_not_overlap() -> None:
    a = Script("a", [page(event("1", 800), covers=Span(300, 2_000_000)), SourceDown("gone")])
    assert [(g.since_us, g.until_us) for g in (await last(a)).gaps] == [(300, 800), (0, 300)]


async def test_a_source_that_lags_has_a_gap_up_to_now() -> None:
    day = 86_400_000_000
    span, clock = Span(0, 2 * day), FrozenClock(datetime(1970, 1, 2, tzinfo=UTC))
    late = Script("late", [page(covers=Span(0, day - 6 * 60_000_000))])
    fresh = Script("fresh", [page(covers=Span(0, day - 4 * 60_000_000))])
    seen = [view async for view in gather([late, fresh], "m", span, clock, breath=at_once)]
    (gap,) = seen[-1].gaps
    assert (gap.source, gap.since_us, gap.until_us) == ("late", day - 6 * 60_000_000, day)
    assert gap.why == "no data after 1970-01-01 23:54Z"


async def test_a_source_that_hangs_fails_at_its_deadline_and_keeps_what_it_gave() -> None:
    slow = Script("slow", [page(event("1", 500)), forever])
    view = await last(slow, Script("good", [page(event("g", 1))]), deadline_s=0.02)
    assert names(view) == ["1", "g"]
    assert view.sources[0].state is SourceState.FAILED
    assert (view.gaps[0].since_us, view.gaps[0].until_us) == (0, 500)
    assert slow.ended
    assert slow.closed


async def test_a_source_without_end_stops_at_the_cap() -> None:
    endless = Script("endless", [page(event(str(n), 900 - n)) for n in range(50)])
    view = await last(endless, page_cap=3)
    assert names(view) == ["0", "1", "2"]
    assert view.sources[0].state is SourceState.PARTIAL
    assert (view.gaps[0].until_us, view.gaps[0].hint) == (898, "Choose a shorter span.")


async def test_pages_that_come_fast_are_shown_together() -> None:
    pages = [page(event(str(n), 900 - n)) for n in range(100)]
    breaths = 0

    async def breath() -> None:
        nonlocal breaths
        breaths += 1
        await forever()  # only the end of all sources cuts this short

    seen = await views(Script("a", [at_once, *pages]), breath=breath)
    assert breaths <= 1
    assert len(seen) <= 3
    assert len(seen[-1].events) == 100


async def test_each_view_holds_all_that_came_before() -> None:
    ready = asyncio.Event()
    a = Script("a", [page(event("1", 9)), ready.wait, page(event("2", 5))])
    counts = []
    async for view in gather([a], "m", SPAN, FrozenClock(NOW), breath=at_once):
        counts.append(len(view.events))
        if view.events:
            ready.set()
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 2)
    assert 1 in counts


async def test_stopping_early_ends_and_closes_every_source() -> None:
    sources = [Script("a", [page(event("1", 9)), forever]), Script("b", [forever])]
    stream = gather(sources, "m", SPAN, FrozenClock(NOW), breath=at_once)
    await anext(stream)
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert all(source.closed and source.ended for source in sources)
    assert len(asyncio.all_tasks()) == 1


async def test_cancelling_whoever_reads_ends_and_closes_every_source() -> None:
    sources = [Script("a", [page(event("1", 9)), forever])]
    shown = asyncio.Event()

    async def read() -> None:
        async for view in gather(sources, "m", SPAN, FrozenClock(NOW), breath=at_once):
            if view.events:
                shown.set()

    reader = asyncio.create_task(read())
    await shown.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert sources[0].closed
    assert sources[0].ended


async def test_a_source_that_cannot_be_closed_harms_nobody() -> None:
    class Stubborn(Script):
        async def aclose(self) -> None:
            raise OSError("no")

    class Slow(Script):
        async def aclose(self) -> None:
            await forever()

    view = await last(Stubborn("a", [page(event("1", 1))]), Slow("b", []), deadline_s=0.02)
    assert names(view) == ["1"]


async def test_large_timelines_are_put_in_order_off_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LARGE", 10)
    pages = [page(*(event(f"{n}-{m}", 1_000 * n + m) for m in range(9))) for n in range(5)]
    view = await last(Script("a", pages))
    assert [order(e) for e in view.events] == sorted(order(e) for p in pages for e in p.events)


EVENTS = st.lists(
    st.builds(event, st.sampled_from("abcdefghij"), st.integers(0, 30), st.sampled_from(["x", "y"])),
    max_size=30,
    unique_by=lambda e: (e.source, e.id),
)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Event], list[list[Any]], list[int | None]]:
    """Events, how several sources deliver them in pages (with repeats and disorder), and where each fails."""
    events = draw(EVENTS)
    count = draw(st.integers(1, 3))
    owner = [draw(st.integers(0, count - 1)) for _ in events]
    scripts: list[list[Any]] = []
    for number in range(count):
        mine = [e for e, by in zip(events, owner, strict=True) if by == number]
        mine.sort(key=order)
        if draw(st.booleans()):
            mine = draw(st.permutations(mine))
        pages: list[Page] = []
        while mine:
            size = draw(st.integers(1, len(mine)))
            again = draw(st.lists(st.sampled_from(events), max_size=2))
            pages.append(page(*mine[:size], *again))
            mine = mine[size:]
        steps: list[Any] = []
        for one in pages:
            steps += [at_once] * draw(st.integers(0, 2)) + [one]
        scripts.append(steps)
    fails = [draw(st.none() | st.integers(0, len(steps))) for steps in scripts]
    return events, scripts, fails


@settings(max_examples=120, deadline=None)
@given(story=deliveries())
def test_nothing_is_lost_nothing_twice_and_the_order_is_right(
    story: tuple[list[Event], list[list[Any]], list[int | None]],
) -> None:
    events, scripts, fails = story
    sources = []
    delivered: list[set[Event]] = []
    for number, (steps, fail) in enumerate(zip(scripts, fails, strict=True)):
        kept: Sequence[Any] = steps if fail is None else [*steps[:fail], SourceDown("gone")]
        delivered.append({e for step in kept if isinstance(step, Page) for e in step.events})
        sources.append(Script(f"source {number}", kept))
    seen = asyncio.run(views(*sources))
    view = seen[-1]
    assert set(view.events) == set().union(*delivered)
    assert len(view.events) == len({(e.source, e.id) for e in view.events})
    if all(fail is None for fail in fails):
        assert set(view.events) == set(events)
    for earlier, later in pairwise(seen):
        assert set(earlier.events) <= set(later.events)
    for one in seen:
        assert [order(e) for e in one.events] == sorted(order(e) for e in one.events)
    for line, mine, fail in zip(view.sources, delivered, fails, strict=True):
        assert line.events == len(mine)
        assert line.state is (SourceState.LIVE if fail is None else SourceState.FAILED)
        spans = [(gap.since_us, gap.until_us) for gap in view.gaps if gap.source == line.name]
        oldest = min((e.time_us for e in mine), default=SPAN.until_us)
        assert spans == ([] if fail is None or oldest == SPAN.since_us else [(SPAN.since_us, oldest)])
