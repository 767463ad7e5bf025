"""Choosing what of the timeline is shown: the query line, filters, the bars, values, columns, order, sources."""

from __future__ import annotations

import msgspec
import pytest

from tests.ui.driving import Driver, driving
from tests.ui.paper_desk import Paper
from workstation.services.timeline.source import SourceState
from workstation.services.timeline.working.rows import EventRow
from workstation.services.views import KeptQuery
from workstation.widgets.event_columns import SETS, own
from workstation.widgets.timeline_pane import TimelinePane


def typed(text: str) -> tuple[str, ...]:
    """Return the keys of a text."""
    return tuple("space" if character == " " else character for character in text)


async def asked(d: Driver, text: str) -> None:
    """Ask a query in the line."""
    await d.press("slash")
    d.fill("#filter", text)
    await d.press("enter")


def pane(d: Driver) -> TimelinePane:
    """Return the timeline of the account that is open."""
    found = d.base.timeline
    assert isinstance(found, TimelinePane)
    return found


def actions(d: Driver) -> list[str]:
    """Return what happened, row by row."""
    shown = pane(d).ledger.shown
    assert shown is not None
    rows = (shown.row_at(place) for place in range(len(shown)))
    return [row.event.action for row in rows if isinstance(row, EventRow)]


class TestLine:
    async def test_a_field_and_its_value_are_proposed_and_taken(self) -> None:
        async with driving() as d:
            await d.press("n", "slash", *typed("event.act"), "tab")
            assert pane(d).query_line.field.value == "event.action:"
            await d.until(lambda: "98 events" in d.seen())
            await d.press("tab", "enter")
            assert str(pane(d).query_in_force) == "event.action:login"
            assert set(actions(d)) == {"login"}

    async def test_the_arrows_choose_among_the_proposals_and_enter_takes_the_chosen(self) -> None:
        async with driving() as d:
            await d.press("n", "slash", *typed("event.outcome:"))
            await d.until(lambda: "events" in d.seen())
            await d.press("down", "down", "enter")
            second = pane(d).query_line.field.value
            assert second.startswith("event.outcome:") and pane(d).typing
            await d.press("enter")
            assert f"{pane(d).query_in_force} " == second

    async def test_the_sign_of_an_error_is_under_its_word(self) -> None:
        async with driving(size=(120, 40)) as d:
            await d.press("n")
            await asked(d, "login ipp:10.0.0.1")
            lines = d.seen().splitlines()
            line = next(n for n, text in enumerate(lines) if "ipp:10.0.0.1" in text)
            at = lines[line].index("ipp")
            assert lines[line + 1][at : at + 4] == "^^^ "
            assert "There is no field ipp" in lines[line + 1]
            assert not pane(d).query_in_force

    async def test_the_query_in_force_is_edited_whole_and_what_was_left_is_there_again(self) -> None:
        async with driving() as d:
            await d.press("n")
            await asked(d, "login")
            await d.press("slash")
            assert pane(d).query_line.field.value == "login "
            await d.press(*typed("country:N"), "escape")
            assert str(pane(d).query_in_force) == "login"
            await d.press("slash")
            assert pane(d).query_line.field.value == "login country:N"
            await d.press("ctrl+u", "enter")
            assert not pane(d).query_in_force

    async def test_nothing_of_a_query_stays_for_another_case(self) -> None:
        async with driving() as d:
            await d.press("n", "slash", *typed("secret"), "escape", "n")
            await d.press("slash")
            assert pane(d).query_line.field.value == ""


class TestFilters:
    async def test_each_is_dropped_or_turned_by_key_and_back(self) -> None:
        async with driving() as d:
            await d.press("n")
            await asked(d, "login country:NL")
            await d.press("F", "left", "minus")
            assert str(pane(d).query_in_force) == "-login source.geo.country_iso_code:NL"
            assert "not login" in d.seen()
            await d.press("x")
            assert str(pane(d).query_in_force) == "source.geo.country_iso_code:NL"
            await d.press("x")
            assert not pane(d).query_in_force
            assert d.app.focused is pane(d).ledger
            await d.press("less_than_sign", "less_than_sign")
            assert str(pane(d).query_in_force) == "-login source.geo.country_iso_code:NL"

    async def test_without_any_it_is_said_how_to_make_one(self) -> None:
        async with driving() as d:
            await d.press("n", "F")
            assert "No filter is in force" in d.word

    async def test_the_chosen_one_is_in_sight_however_many_there_are(self) -> None:
        async with driving(size=(80, 24)) as d:
            words = " ".join(f"-word{n}number" for n in range(12))
            await d.press("n")
            await asked(d, words)
            await d.press("F")
            assert "▶not word11number" in d.seen()
            await d.press(*["left"] * 11)
            assert "▶not word0number" in d.seen()


class TestBars:
    async def test_a_span_is_chosen_and_shown_alone(self) -> None:
        async with driving() as d:
            await d.press("n", "h")
            total = pane(d).total
            await d.press("end", "v", "left", "left")
            since, until = pane(d).histogram.chosen
            assert "events" in d.seen()
            await d.press("enter")
            shown = pane(d).ledger.shown
            assert shown is not None and 0 < shown.events < total
            times = shown.frame.times()[shown.rows]
            assert ((times >= since) & (times < until)).all()
            assert d.app.focused is pane(d).ledger

    async def test_the_cursor_begins_at_the_event_and_leaving_changes_nothing(self) -> None:
        async with driving() as d:
            await d.press("n", "end", "h")
            event = pane(d).ledger.event
            since, until = pane(d).histogram.chosen
            assert event is not None and since <= event.time_us < until
            await d.press("escape")
            assert not pane(d).query_in_force

    async def test_what_does_not_pass_is_behind_what_does(self) -> None:
        async with driving() as d:
            await d.press("n")
            await asked(d, "api_key.created")
            bars = pane(d).histogram.bars
            assert sum(bars.passing) == pane(d).shown < sum(bars.every) == pane(d).total


class TestValues:
    async def test_only_a_value_and_all_but_it(self) -> None:
        async with driving() as d:
            await d.press("n", "g")
            await d.until(lambda: "98" in d.seen())
            await d.press("enter", "enter")
            assert str(pane(d).query_in_force) == "event.action:login"
            await d.press("escape", "g")
            await d.until(lambda: "98" in d.seen())
            await d.press("right", "x")
            assert str(pane(d).query_in_force) == "-event.action:login"
            assert "login" not in set(actions(d))

    async def test_the_rarest_first(self) -> None:
        async with driving() as d:
            await d.press("n", "g")
            await d.until(lambda: "98" in d.seen())
            values = d.one("#values")
            frequent = [values.row(key).count for key in values.keys]
            assert frequent == sorted(frequent, reverse=True)
            await d.press("o")
            await d.until(lambda: values.row(values.keys[0]).count == min(frequent))

    async def test_it_counts_what_is_shown_only(self) -> None:
        async with driving() as d:
            await d.press("n")
            await asked(d, "country:NL")
            await d.press("g")
            values = d.one("#values")
            await d.until(lambda: values.keys)
            assert sum(row.count for row in values.loaded.values()) == pane(d).shown


class TestKept:
    async def test_a_query_is_kept_asked_again_forgotten_and_kept_again(self) -> None:
        async with driving() as d:
            await d.press("n")
            await asked(d, "country:NL")
            await d.press("Q", "s", *typed("from NL"), "enter")
            (kept,) = d.paper.queries
            assert (kept.name, kept.query, kept.kind) == ("from NL", "source.geo.country_iso_code:NL", "")
            await d.press("escape", "escape", "Q", "home", "enter")
            assert str(pane(d).query_in_force) == kept.query
            await d.press("Q", "home", "d")
            assert d.paper.queries == ()
            await d.press("u")
            assert [one.name for one in d.paper.queries] == ["from NL"]

    async def test_for_the_procedure_everybody_sees_it(self) -> None:
        async with driving("mia.s") as d:
            await d.press("n")
            await asked(d, "login")
            await d.press("Q", "S", *typed("all"), "enter")
            (kept,) = d.paper.queries
            assert kept.kind == d.base.row.kind

    async def test_everything_is_no_query_to_keep(self) -> None:
        async with driving() as d:
            await d.press("n", "Q", "s")
            assert "asks for everything" in d.seen()

    async def test_one_that_cannot_be_read_any_more_says_so(self) -> None:
        def old(paper: Paper) -> None:
            paper.queries = (KeptQuery(id=1, name="old", query="gone_field:1", by="ana.k"),)

        async with driving(prepare=old) as d:
            await d.press("n", "Q", "home", "enter")
            assert d.at == "QueriesDialog"
            assert "There is no field gone_field" in d.seen()


class TestRows:
    async def test_each_column_set_has_its_words(self) -> None:
        async with driving(size=(120, 40)) as d:
            await d.press("n")
            for title in ("session", "who did it", "taken in", "factor", "to what"):
                await d.press("D")
                assert title in d.seen()

    async def test_lanes_follow_the_labels(self) -> None:
        async with driving(size=(120, 40)) as d:
            await d.press("n", "L")
            ledger = pane(d).ledger
            lanes = [column.key for column in ledger.columns]
            shown = ledger.shown
            assert shown is not None
            told = {"owner": 0, "nobody": 0, "intruder": 0}
            for place in range(len(shown)):
                row = shown.row_at(place)
                if isinstance(row, EventRow):
                    cells = dict(zip(lanes, ledger.cells(row), strict=True))
                    filled = [lane for lane in told if cells[lane].text]
                    assert filled
                    told[filled[0]] += 1
            assert told["intruder"] and told["nobody"] + told["owner"]
            await d.press("L")
            assert ledger.columns == SETS["overview"]

    async def test_sorted_by_a_field_and_by_time_from_the_oldest(self) -> None:
        async with driving() as d:
            await d.press("n", "N", "down", "enter")
            assert "time, oldest first" in d.seen()
            shown = pane(d).ledger.shown
            assert shown is not None
            times = shown.frame.times()[shown.rows].tolist()
            assert times == sorted(times)
            await d.press("N")
            d.one("ChoiceList").move_to("event.action")
            await d.press("enter")
            names = actions(d)
            assert names == sorted(names, key=str.casefold)

    async def test_the_raw_record_comes_first(self) -> None:
        async with driving() as d:
            await d.press("n", "y")
            assert d.base.detail.text.lstrip().startswith("raw record")
            await d.press("y")
            assert not d.base.detail.text.lstrip().startswith("raw record")


def test_a_column_of_a_teams_own_is_a_field() -> None:
    assert [column.key for column in own(("event.action", "@timestamp"))] == ["time", "event.action", "who", "flags"]
    with pytest.raises(KeyError):
        own(("event.nothing",))


class TestSources:
    async def test_one_is_read_on_and_why_it_stopped_is_said(self) -> None:
        async with driving() as d:
            await d.press("n", "G", "end")
            assert "no answer within 10 s" in d.seen()
            await d.press("enter")
            timeline = pane(d).timeline
            assert timeline is not None and timeline.control is not None
            assert timeline.control.asked == ["again chain-watch"]

    async def test_what_changes_is_seen(self) -> None:
        async with driving() as d:
            await d.press("n", "G")
            timeline = pane(d).timeline
            assert timeline is not None
            timeline.lines = tuple(
                msgspec.structs.replace(line, state=SourceState.LOADING, percent=42) for line in timeline.lines
            )
            await d.until(lambda: "loading 42 %" in d.seen())
            await d.press("s")
            assert "Stopped" in d.seen()
