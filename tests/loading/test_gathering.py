"""Several sources read at once: nothing lost, failures as gaps, what is new is read on, and everything closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.timeline.events import SPAN, Script, event, page
from workstation.services.clock import FrozenClock, to_micros
from workstation.services.errors import SourceDenied, SourceDown
from workstation.services.timeline.event import Event
from workstation.services.timeline.loading.gathering import FULL, Gathering
from workstation.services.timeline.source import ALL, EventSource, Only, Page, SourceState, Span
from workstation.services.views import SourceLine

NOW = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=900_000)


async def at_once() -> None:
    await asyncio.sleep(0)


async def forever() -> None:
    await asyncio.Event().wait()


class Taken:
    """Takes events in, up to some number."""

    def __init__(self, most: int = 1_000) -> None:
        self.events: list[Event] = []
        self.feeds: list[int] = []
        self.most = most

    async def __call__(self, feed: int, events: Sequence[Event]) -> int | None:
        taken = events[: self.most - len(self.events)]
        self.events += taken
        self.feeds += [feed] * len(taken)
        return len(taken) if len(self.events) >= self.most else None

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.events]


def gathering(*sources: EventSource, taken: Taken | None = None, **options: Any) -> tuple[Gathering, Taken]:
    into = taken or Taken()
    makers: dict[str, Callable[[], EventSource]] = {source.name: (lambda s=source: s) for source in sources}  # type: ignore[misc]
    return Gathering(makers, "m", SPAN, FrozenClock(NOW), into, **options), into


async def until(made: Gathering, true: Callable[[], bool]) -> None:
    while not true():
        await made.changed.wait()
        made.changed.clear()


async def read(*sources: EventSource, **options: Any) -> tuple[Gathering, Taken]:
    made, taken = gathering(*sources, **options)
    made.start()
    await until(made, lambda: not made.loading)
    await made.aclose()
    return made, taken


def line(made: Gathering, name: str) -> SourceLine:
    return next(one for one in made.lines if one.name == name)


async def test_every_source_is_loading_at_first_and_none_at_the_end() -> None:
    made, taken = gathering(Script("a", [page(event("1", 5, "a"))]), Script("b", []))
    made.start()
    assert {one.state for one in made.lines} == {SourceState.LOADING}
    await until(made, lambda: not made.loading)
    assert [(one.name, one.state, one.events) for one in made.lines] == [
        ("a", SourceState.LIVE, 1),
        ("b", SourceState.LIVE, 0),
    ]
    assert (taken.ids, taken.feeds, made.gaps) == (["1"], [0], ())
    await made.aclose()


async def test_no_source_at_all_is_at_its_end() -> None:
    made, _ = await read()
    assert (made.lines, made.gaps) == ((), ())


async def test_what_lies_outside_the_span_is_left_out() -> None:
    _, taken = await read(Script("a", [page(event("5", 5)), page(event("x", 1_000_000), event("y", -1))]))
    assert taken.ids == ["5"]


async def test_a_failed_source_is_a_gap_below_what_it_delivered_and_the_rest_works() -> None:
    bad = Script("bad", [page(event("b", 600, "bad")), SourceDown("bad gave no answer.", "Try again.")])
    made, taken = await read(bad, Script("good", [page(event("g", 100, "good"))]))
    assert set(taken.ids) == {"b", "g"}
    (gap,) = made.gaps
    assert (gap.source, gap.since_us, gap.until_us) == ("bad", 0, 600)
    assert (gap.why, gap.hint, gap.noticed_us) == ("bad gave no answer.", "Try again.", 900_000)
    failed = line(made, "bad")
    assert (failed.state, failed.why, failed.events, failed.failed_at) == (
        SourceState.FAILED,
        "bad gave no answer.",
        1,
        NOW,
    )
    assert line(made, "good").state is SourceState.LIVE


async def test_a_source_that_delivered_nothing_leaves_a_gap_over_the_whole_span() -> None:
    made, _ = await read(Script("bad", [SourceDenied("no right")]))
    assert [(gap.since_us, gap.until_us) for gap in made.gaps] == [(SPAN.since_us, SPAN.until_us)]


async def test_a_source_that_cannot_be_made_is_a_failed_one() -> None:
    def broken() -> EventSource:
        raise SourceDown("no address", "Set one.")

    made = Gathering({"a": broken}, "m", SPAN, FrozenClock(NOW), Taken())
    made.start()
    await until(made, lambda: not made.loading)
    assert (line(made, "a").state, line(made, "a").why) == (SourceState.FAILED, "no address")


async def test_a_fault_in_a_connector_takes_nothing_of_the_others_away() -> None:
    made, taken = await read(Script("bad", [ZeroDivisionError("secret")]), Script("good", [page(event("g", 1))]))
    assert taken.ids == ["g"]
    assert line(made, "bad").state is SourceState.FAILED
    assert "ZeroDivisionError" in made.gaps[0].why
    assert "secret" not in made.gaps[0].why


async def test_a_partial_page_makes_the_source_partial_with_every_reason_once() -> None:
    pages = [page(event("1", 9), partial=True, why="2 shards failed"), page(partial=True, why="2 shards failed")]
    made, taken = await read(Script("a", [*pages, page(partial=True)]))
    assert line(made, "a").state is SourceState.PARTIAL
    assert line(made, "a").why == "2 shards failed; it did not see all of its data"
    assert taken.ids == ["1"]


async def test_no_data_before_what_a_source_covers_is_a_gap_and_no_failure() -> None:
    made, _ = await read(Script("a", [page(event("1", 800), covers=Span(300, 2_000_000))]))
    assert [(g.since_us, g.until_us, g.why) for g in made.gaps] == [(0, 300, "no data before 1970-01-01 00:00Z")]
    assert line(made, "a").state is SourceState.LIVE


async def test_a_failure_and_missing_data_do_not_overlap() -> None:
    made, _ = await read(Script("a", [page(event("1", 800), covers=Span(300, 2_000_000)), SourceDown("gone")]))
    assert [(g.since_us, g.until_us) for g in made.gaps] == [(300, 800), (0, 300)]


async def test_a_source_that_lags_has_a_gap_up_to_now() -> None:
    day = 86_400_000_000
    span, clock = Span(0, 2 * day), FrozenClock(datetime(1970, 1, 2, tzinfo=UTC))
    late = Script("late", [page(covers=Span(0, day - 6 * 60_000_000))])
    fresh = Script("fresh", [page(covers=Span(0, day - 4 * 60_000_000))])
    made = Gathering({"late": lambda: late, "fresh": lambda: fresh}, "m", span, clock, Taken())
    made.start()
    await until(made, lambda: not made.loading)
    (gap,) = made.gaps
    assert (gap.source, gap.since_us, gap.until_us) == ("late", day - 6 * 60_000_000, day)
    assert gap.why == "no data after 1970-01-01 23:54Z"


async def test_it_says_how_much_of_the_time_was_read_where_it_is_known() -> None:
    steps = [page(event("1", 750_000), covers=Span(500_000, 2_000_000)), forever]
    made, taken = gathering(Script("a", steps), Script("b", [page(event("2", 9)), forever]))
    made.start()
    await until(made, lambda: len(taken.events) == 2)
    assert [one.percent for one in made.lines] == [50, None]
    await made.aclose()


async def test_a_source_that_hangs_fails_at_its_deadline_and_keeps_what_it_gave() -> None:
    slow = Script("slow", [page(event("1", 500)), forever])
    made, taken = await read(slow, Script("good", [page(event("g", 1))]), deadline_s=0.02)
    assert set(taken.ids) == {"1", "g"}
    assert line(made, "slow").state is SourceState.FAILED
    assert [(gap.since_us, gap.until_us) for gap in made.gaps] == [(0, 500)]
    assert slow.ended and slow.closed


async def test_a_source_without_end_stops_at_the_cap() -> None:
    made, taken = await read(Script("endless", [page(event(str(n), 900 - n)) for n in range(50)]), page_cap=3)
    assert taken.ids == ["0", "1", "2"]
    assert line(made, "endless").state is SourceState.PARTIAL
    assert (made.gaps[0].until_us, made.gaps[0].hint) == (898, "Choose a shorter span.")


async def test_what_there_was_no_room_for_is_in_the_gap() -> None:
    pages = [page(*(event(str(n), 90 - n, "a") for n in range(start, start + 4)), cursor="c") for start in (0, 4)]
    made, taken = await read(Script("a", pages), taken=Taken(most=6))
    assert taken.ids == ["0", "1", "2", "3", "4", "5"]
    (gap,) = made.gaps
    assert (gap.since_us, gap.until_us) == (SPAN.since_us, 90 - 6 + 1)
    assert line(made, "a").events == 6


async def test_a_full_working_set_ends_reading_and_says_so() -> None:
    pages = [page(event(str(n), 900 - n)) for n in range(50)]
    made, taken = await read(Script("a", pages), taken=Taken(most=2))
    assert taken.ids == ["0", "1"]
    assert (line(made, "a").state, made.gaps[0].why) == (SourceState.PARTIAL, FULL[0])


async def test_stopping_leaves_what_came_and_a_gap_that_can_be_read_again() -> None:
    source = Resumable([event(str(n), 900 - n) for n in range(6)], hang_at=3)
    made, taken = gathering(source)
    made.start()
    await until(made, lambda: len(taken.events) == 3)
    made.stop()
    assert (line(made, "a").state, made.gaps[0].until_us) == (SourceState.PARTIAL, 898)
    source.hang_at = None
    made.again("a")
    await until(made, lambda: not made.loading)
    assert line(made, "a").state is SourceState.LIVE and made.gaps == ()
    assert set(taken.ids) == set("012345")


class Resumable:
    """A source of one event a page whose cursor is the number of pages given. `fail_at` and `hang_at` count pages."""

    name = "a"

    def __init__(self, events: list[Event], fail_at: int | None = None, hang_at: int | None = None) -> None:
        self.events, self.fail_at, self.hang_at = events, fail_at, hang_at
        self.asked: list[str | None] = []

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        self.asked.append(cursor)
        for at in range(int(cursor or 0), len(self.events)):
            if at == self.fail_at:
                raise SourceDown("gone", "Again.")
            if at == self.hang_at:
                await forever()
            if span.since_us <= self.events[at].time_us < span.until_us:
                yield Page(events=(self.events[at],), cursor=str(at + 1))

    async def aclose(self) -> None:
        pass


async def test_again_goes_on_where_it_failed() -> None:
    source = Resumable([event(str(n), 900 - n) for n in range(6)], fail_at=4)
    made, taken = gathering(source)
    made.start()
    await until(made, lambda: not made.loading)
    assert line(made, "a").state is SourceState.FAILED
    source.fail_at = None
    made.again("a")
    assert line(made, "a").state is SourceState.LOADING
    await until(made, lambda: not made.loading)
    assert source.asked == [None, "4"]
    assert taken.ids == ["0", "1", "2", "3", "4", "5"]
    assert (line(made, "a").state, line(made, "a").failed_at, made.gaps) == (SourceState.LIVE, None, ())


async def test_a_source_that_is_read_or_unknown_is_left_alone() -> None:
    source = Resumable([event("1", 5)], hang_at=0)
    made, _ = gathering(source)
    made.start()
    await at_once()
    made.again("a")
    made.again("nobody")
    await at_once()
    assert source.asked == [None]
    await made.aclose()


class Turns:
    """A pause that lasts until a turn is given, and says when it is waited for."""

    def __init__(self) -> None:
        self._turns: asyncio.Queue[None] = asyncio.Queue()
        self.waits = asyncio.Semaphore(0)

    async def __call__(self) -> None:
        self.waits.release()
        await self._turns.get()

    async def give(self) -> None:
        """Let it look once and wait until it did."""
        await self.waits.acquire()
        self._turns.put_nowait(None)
        await self.waits.acquire()
        self.waits.release()


async def test_what_is_new_comes_once_and_without_a_second_reading_of_the_old() -> None:
    day = 86_400_000_000
    clock = FrozenClock(datetime(1970, 1, 2, tzinfo=UTC))
    old, last = event("old", 5), event("last", day - 30_000_000)
    source, taken, turns = Resumable([last, old]), Taken(), Turns()
    made = Gathering({"a": lambda: source}, "m", Span(0, day + 1), clock, taken, pause=turns)
    made.start()
    await turns.give()
    assert taken.ids == ["last", "old"]
    clock.move(timedelta(hours=1))
    source.events.insert(0, event("new", to_micros(clock.now())))
    source.events.insert(1, event("late", day - 20_000_000))
    await turns.give()
    assert taken.ids == ["last", "old", "new", "late"]
    await made.aclose()


async def test_a_source_lost_later_is_a_gap_from_then_on_and_comes_back_by_itself() -> None:
    day = 86_400_000_000
    clock = FrozenClock(datetime(1970, 1, 2, tzinfo=UTC))
    source, taken, turns = Resumable([event("old", 5)]), Taken(), Turns()
    made = Gathering({"a": lambda: source}, "m", Span(0, 2 * day), clock, taken, pause=turns)
    made.start()
    await turns.give()
    source.fail_at = 0
    lost_at = clock.now()
    clock.move(timedelta(seconds=15))
    await turns.give()
    failed = line(made, "a")
    assert (failed.state, failed.why, failed.failed_at) == (SourceState.FAILED, "gone", clock.now())
    assert [(gap.since_us, gap.until_us) for gap in made.gaps] == [(to_micros(lost_at), to_micros(clock.now()))]
    clock.move(timedelta(seconds=15))
    await turns.give()
    assert line(made, "a").failed_at == clock.now() - timedelta(seconds=15)
    source.fail_at = None
    source.events.insert(0, event("missed", to_micros(lost_at) + 5))
    await turns.give()
    assert (line(made, "a").state, made.gaps, taken.ids) == (SourceState.LIVE, (), ["old", "missed"])
    await made.aclose()


async def test_closing_ends_and_closes_every_source() -> None:
    sources = [Script("a", [page(event("1", 9)), forever]), Script("b", [forever])]
    made, taken = gathering(*sources)
    made.start()
    await until(made, lambda: len(taken.events) == 1)
    await made.aclose()
    assert all(source.closed and source.ended for source in sources)
    assert len(asyncio.all_tasks()) == 1


async def test_a_source_that_cannot_be_closed_harms_nobody() -> None:
    class Stubborn(Script):
        async def aclose(self) -> None:
            raise OSError("no")

    class Slow(Script):
        async def aclose(self) -> None:
            await forever()

    _, taken = await read(Stubborn("a", [page(event("1", 1))]), Slow("b", []), deadline_s=0.02)
    assert taken.ids == ["1"]
