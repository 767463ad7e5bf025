"""Reading on from one event: around it, along it, beside another, notes, marks and what is said of them."""

from __future__ import annotations

from tests.ui.driving import driving

WHY = "The client was abroad, as his mail says."


async def test_all_that_happened_around_an_event_and_back() -> None:
    async with driving() as d:
        await d.press("n", "down", "down")
        held, total = d.base.timeline.ledger.cursor, d.base.timeline.shown
        await d.press("full_stop")
        near = d.base.timeline.shown
        assert 0 < near < total
        assert d.base.timeline.ledger.cursor == held
        await d.press("full_stop")
        assert near <= d.base.timeline.shown < total
        await d.press("less_than_sign", "less_than_sign")
        assert d.base.timeline.shown == total
        assert d.base.timeline.ledger.cursor == held


async def test_along_a_session_device_or_network() -> None:
    async with driving() as d:
        await d.press("n", "w")
        assert d.at == "ChooseDialog"
        await d.press("enter")
        event = d.base.timeline.ledger.event
        assert event is not None
        assert str(d.base.timeline.query_in_force) == f"session.id:{event.session}"
        assert 0 < d.base.timeline.shown < d.base.timeline.total


async def test_two_events_beside_each_other() -> None:
    async with driving() as d:
        await d.press("n", "d", "down", "down", "d")
        assert d.at == "ChooseDialog"
        assert "beside" in d.seen()
        assert "event.action" in d.seen()
        await d.press("escape")
        await d.press("d", "d")
        assert "Kept" in d.word


async def test_pins_only_and_everything_again() -> None:
    async with driving() as d:
        await d.press("n", "down", "p", "i")
        pins = d.base.timeline.shown
        assert 0 < pins == len({(p.source, p.event_id) for p in d.desk.paper.pins if p.event_id.startswith(("i", "e"))})
        await d.press("i")
        assert d.base.timeline.shown == d.base.timeline.total


async def test_a_note_on_an_event_is_signed_and_shown() -> None:
    async with driving() as d:
        await d.press("n", "down", "O")
        d.fill("#reason", "His own phone, he says.")
        await d.press("enter")
        (note,) = d.desk.paper.findings.notes
        event = d.base.timeline.ledger.event
        assert event is not None and (note.source, note.event_id) == (event.source, event.id)
        assert "His own phone" in d.base.detail.text
        assert "✎" in d.seen()


async def test_the_list_of_marks_goes_to_an_event() -> None:
    async with driving() as d:
        await d.press("n", "K")
        assert d.at == "ChooseDialog"
        await d.press("enter")
        row = d.base.timeline.ledger.event_row
        assert row == d.base.timeline.marks[0].rows[-1]


async def test_a_mark_is_judged_wrong_with_a_reason() -> None:
    async with driving() as d:
        await d.press("n", "m", "J", "down", "enter")
        d.fill("#reason", WHY)
        await d.press("enter")
        (judged,) = d.desk.paper.findings.judgements
        assert (judged.verdict, judged.why) == ("wrong", WHY)
        assert "judged wrong" in d.base.detail.text


async def test_what_has_no_mark_cannot_be_judged() -> None:
    async with driving() as d:
        await d.press("n", "end", "J")
        assert d.at == "AccountScreen"
        assert "marked event" in d.word
