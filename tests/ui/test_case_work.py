"""A case, worked by keys alone: filter, pin, label, mail, procedure, packet."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from textual.widgets import Button

from tests.ui import paper_data as data
from tests.ui.driving import LONG, driving
from tests.ui.paper_desk import Paper
from workstation.widgets.account_card import AccountCard, masked


async def test_next_claims_and_opens_the_top_case() -> None:
    async with driving() as d:
        await d.press("n")
        assert d.at == "AccountScreen"
        assert d.desk.did("claim") == [(48_213, "")]
        assert d.desk.did("open_case") == [(48_213,)]
        assert "AA71 N84G · CS-48213 account_takeover" in d.seen()
        assert "held by me until 14:17Z" in d.seen()


async def test_a_case_that_somebody_works_on_is_taken_over_only_with_a_reason() -> None:
    async with driving() as d:
        await d.press("down", "down", "enter")
        assert d.at == "ReasonDialog"
        d.fill("#reason", "too short")
        await d.press("enter")
        assert d.at == "ReasonDialog"
        assert not d.desk.did("claim")
        d.fill("#reason", LONG)
        await d.press("enter")
        assert d.desk.did("claim") == [(48_199, LONG)]
        assert d.at == "AccountScreen"


async def test_snooze_says_until_when_and_why() -> None:
    async with driving() as d:
        await d.press("s", "down", "enter")
        d.fill("#reason", "waits for the bank")
        await d.press("enter")
        assert d.desk.did("snooze") == [(48_213, data.NOW + timedelta(hours=4), "waits for the bank")]
        assert "comes back 2025-11-03 18:02Z: waits for the bank" in d.seen()


async def test_filter_on_a_value_and_take_it_back() -> None:
    async with driving() as d:
        await d.press("n", "f")
        d.one("ChoiceList").move_to("device")
        await d.press("enter")
        assert d.base.timeline.shown == 12
        assert "device.id:d-77" in d.seen()
        assert "12 of 180 events" in d.seen()
        await d.press("x")
        d.one("ChoiceList").move_to("action")
        await d.press("enter")
        assert d.base.timeline.shown == 8
        await d.press("escape")
        assert d.base.timeline.shown == 12
        await d.press("escape")
        assert d.base.timeline.shown == 180


async def test_a_typed_filter_says_what_it_cannot_read() -> None:
    async with driving() as d:
        await d.press("n", "slash")
        d.fill("#filter", "devize:d-77")
        await d.press("enter")
        assert "There is no field devize. Did you mean device?" in d.seen()
        assert d.app.focused is d.one("#filter")
        d.fill("#filter", "device:d-77 -action:log*")
        await d.press("enter")
        assert d.base.timeline.shown == 8
        assert d.app.focused is d.base.timeline.ledger


async def test_gaps_stay_whatever_is_filtered() -> None:
    async with driving(size=(120, 40)) as d:
        await d.press("n", "slash")
        d.fill("#filter", "country:XX")
        await d.press("enter")
        assert d.base.timeline.shown == 0
        assert "chain-watch had no data, no answer within 10 s" in d.seen()


async def test_pin_keeps_the_event_and_shows_its_hash() -> None:
    async with driving() as d:
        await d.press("n", "p", "enter")
        assert d.desk.did("pin") == [(48_213, "i-11")]
        event = d.base.timeline.whole()
        assert event is not None
        assert event.sha256 in d.base.detail.text
        assert event.raw.decode() in d.base.detail.text
        assert "evidence 2, kept by ana.k" in d.base.detail.text


async def test_label_splits_owner_from_intruder() -> None:
    async with driving() as d:
        await d.press("n", "end", "l")
        d.one("ChoiceList").move_to("network\x1fAS2860\x1fintruder")
        await d.press("enter")
        assert d.desk.did("label") == [(48_213, "network", "AS2860", "intruder")]
        assert "owner+I" in d.seen()


async def test_zone_goes_from_utc_to_the_client_to_mine_and_back() -> None:
    async with driving() as d:
        await d.press("n")
        seen = []
        for _ in range(3):
            await d.press("z")
            seen.append(d.base.zone.word.split()[0])
        assert seen == ["client's", "mine", "UTC"]


async def test_tick_asks_for_a_pin_where_the_step_needs_one() -> None:
    async with driving() as d:
        await d.press("n", "t")
        assert d.at == "ChooseDialog"
        await d.press("enter")
        assert d.desk.did("tick") == [(48_213, "s2", 1)]
        await d.press("t")
        assert d.desk.did("tick")[1:] == [(48_213, "s3", None)]
        assert "4/9]" in d.seen()


async def test_a_mail_is_refused_sent_and_recalled() -> None:
    async with driving() as d:
        await d.press("n", "r")
        assert d.at == "ReplyDialog"
        assert "m••••@proton.me" in d.seen()
        d.fill("#template", "ato.more")
        await d.press("ctrl+s")
        assert "{hole} is not filled." in d.seen()
        assert not d.desk.did("send_mail")
        assert "When did you last use" in d.seen() or "when did you last use" in d.seen()
        d.fill("#body", "Olá Maria, quando usou o telemóvel?")
        await d.press("ctrl+s")
        assert len(d.desk.did("send_mail")) == 1
        assert "00:15 to take it back with u" in d.base.mail.text
        await d.press("u")
        assert d.desk.did("recall_mail") == [(3,)]
        assert "recalled, never sent" in d.base.mail.text


async def test_a_template_never_overwrites_what_was_typed() -> None:
    async with driving() as d:
        await d.press("n", "r")
        d.fill("#body", "my own words")
        d.fill("#template", "ato.first")
        await d.settle()
        assert d.one("#body").text == "my own words"


async def test_what_is_typed_is_journalled_and_opens_again() -> None:
    paper = Paper()
    async with driving(paper=paper) as d:
        await d.press("n", "r", "tab", "tab", "O", "l", "a")
        await d.until(lambda: '"Ola"' in paper.drafts.get(("ana.k", 48_213, "mail"), ""))
    async with driving(paper=paper) as d:
        await d.press("enter")
        await d.press("r")
        assert d.one("#body").text == "Ola"


async def test_leaving_a_mail_keeps_it_and_quitting_asks() -> None:
    async with driving() as d:
        await d.press("n", "r", "tab", "tab", "x", "escape")
        assert d.paper.drafts[("ana.k", 48_213, "mail")]
        await d.press("q")
        assert d.at == "ConfirmDialog"
        assert "A mail on CS-48213 was written and not sent." in d.seen()
        await d.press("enter")
        assert not d.app._exit


async def test_a_note_is_added() -> None:
    async with driving() as d:
        await d.press("n", "o")
        d.fill("#text", "I think it is SIM swap.")
        await d.press("ctrl+s")
        assert d.desk.did("note") == [(48_213, "I think it is SIM swap.")]
        assert "I think it is SIM swap." in d.base.notes.text
        assert d.paper.drafts.get(("ana.k", 48_213, "note"), "") == ""


async def test_forwarding_names_what_is_missing_and_then_goes() -> None:
    async with driving() as d:
        await d.press("n", "e")
        assert "A finding of at least 20 characters." in d.seen()
        d.one("#yes", Button).press()
        await d.settle()
        assert d.at == "ForwardDialog"
        assert not d.desk.did("forward")
        d.fill("#finding", "The device d-77 removed the factor.")
        d.fill("#verdict", "takeover")
        d.fill("#act", "remove_factor")
        d.fill("#wants", "the account back")
        await d.settle()
        d.fill("#param", "f-2")
        await d.press("ctrl+s")
        assert "nothing is missing" in d.seen()
        await d.press("ctrl+f")
        await d.until(lambda: d.at == "AccountScreen")
        assert d.desk.did("forward") == [(48_213,)]
        assert d.paper.packets[48_213].params == {"factor": "f-2"}


async def test_guidance_leaves_the_case_mine() -> None:
    async with driving() as d:
        await d.press("n", "e")
        d.one("#ask", Button).press()
        await d.settle()
        d.fill("#reason", LONG)
        await d.press("enter")
        assert d.desk.did("ask_guidance") == [(48_213, LONG)]


async def test_reveal_shows_one_field_for_a_minute() -> None:
    async with driving() as d:
        await d.press("n", "v", "enter")
        d.fill("#reason", LONG)
        await d.press("enter")
        assert d.desk.did("reveal") == [(48_213, "email", LONG)]
        assert "maria@proton.me" in d.one("#card", AccountCard).text
        d.paper.clock.move(timedelta(seconds=61))
        d.base.tick()
        assert "maria@proton.me" not in d.one("#card", AccountCard).text


async def test_a_lost_lease_is_said_and_stops_writing() -> None:
    async with driving() as d:
        await d.press("n")
        d.paper.rows[48_213] = msgspec.structs.replace(d.paper.rows[48_213], holder="joao.m", holder_name="João")
        d.base.renew(48_213)
        await d.settle()
        assert "NO LONGER YOURS" in d.seen()
        assert "Drafts are kept" in d.word
        await d.press("r")
        assert d.at == "AccountScreen"


async def test_close_and_give_back_leave_nothing_open() -> None:
    async with driving() as d:
        await d.press("n", "c")
        d.fill("#reason", "The owner is back in, the intruder is out.")
        await d.press("enter")
        assert d.desk.did("close") == [(48_213, "The owner is back in, the intruder is out.")]
        assert "No case is open." in d.seen()
        await d.press("n", "b")
        assert d.desk.did("release") == [(48_206,)]


@pytest.mark.parametrize(
    ("value", "hidden"),
    [
        ("J•hn Smith", "hn"),
        ("••••john@example.org", "john"),
        ("john••••smith", "smith"),
        ("+351 91 234 56 ••••", "234"),
    ],
)
def test_a_dot_in_a_name_does_not_pass_for_a_mask(value: str, hidden: str) -> None:
    assert hidden not in masked(value)


@pytest.mark.parametrize("value", ["", "J••••", "J•••• S••••", "j••••@proton.me", "••••42", "••••"])
def test_what_is_masked_already_stays(value: str) -> None:
    assert masked(value) == value
