"""The second half of an investigation, by keys: claims, what was left standing, who shares values."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.ui import paper_data as data
from tests.ui.driving import LONG, Driver, driving
from tests.ui.paper_desk import Paper
from workstation.services.accounts.model import Account, Standing
from workstation.services.timeline.working.rows import EventRow
from workstation.services.views import Label
from workstation.widgets.left_standing import LeftLedger
from workstation.widgets.related import RelatedLedger

replace = msgspec.structs.replace
SIZES = [(80, 24), (120, 40)]
both = pytest.mark.parametrize(
    "size", [SIZES[0], pytest.param(SIZES[1], marks=pytest.mark.long)], ids=["80x24", "120x40"]
)
ADDRESS = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzx9f4"


def labelled(paper: Paper) -> None:
    """The intruder's device is labelled, and the account system lists everything of its kinds."""
    paper.labels = (Label(kind="device", value="d-77", verdict="intruder", by="ana.k"),)
    paper.account = telling(data.account())


def telling(account: Account) -> Account:
    made = Standing(id="w-1", kind="withdrawal_address", label=ADDRESS, created_at=data.NOW - timedelta(hours=8))
    return replace(account, standing=(made,), tells=("api_key", "withdrawal_address"))


async def standing(d: Driver) -> None:
    await d.press("n", "S")
    await d.until(lambda: d.base.left is not None)
    d.base.focus_pane()
    await d.settle()


async def related(d: Driver) -> None:
    await d.press("n", "W")
    await d.until(lambda: d.base.related is not None)
    d.base.focus_pane()
    await d.settle()


# -- what was left standing --------------------------------------------------------------------------


@both
async def test_standing_is_listed_from_labels_and_read_again(size: tuple[int, int]) -> None:
    async with driving(size=size, prepare=labelled) as d:
        await standing(d)
        assert d.desk.did("left_standing")[0][0] == "AA71N84G"
        seen = d.seen()
        assert "3 still live of 5" in seen
        assert "read 14:02:10" in seen
        rows = [(r.made.kind, r.state) for r in d.one(LeftLedger).loaded.values()]
        assert sorted(rows) == [
            ("api_key", "gone"),
            # The log calls it by another name than the account system does.
            ("factor", "unknown"),
            ("factor_off", "live"),
            ("session", "live"),
            ("withdrawal_address", "live"),
        ]
        assert "● STILL LIVE" in seen
        assert "T there puts what protects into the packet" in d.word


@both
async def test_what_cannot_be_read_is_not_gone(size: tuple[int, int]) -> None:
    def away(paper: Paper) -> None:
        labelled(paper)
        paper.unread = "The account API does not answer. Try again."

    async with driving(size=size, prepare=away) as d:
        await standing(d)
        assert {row.state for row in d.one(LeftLedger).loaded.values()} == {"unknown"}
        assert "not read 14:02:10: The account API does not answer." in d.seen()
        await d.press("T")
        await d.until(lambda: "Nothing was put into the packet" in d.word)
        assert not d.desk.did("save_packet")


async def test_without_a_label_nothing_is_the_intruders_and_that_is_said() -> None:
    async with driving(size=(120, 40), prepare=lambda paper: setattr(paper, "labels", ())) as d:
        await standing(d)
        assert "No label calls anything the intruder's." in d.seen()
        assert "changes nobody labelled yet: 4, 4 since the trouble (U)" in d.seen()


@both
async def test_the_list_goes_into_the_packet_and_chooses_an_act(size: tuple[int, int]) -> None:
    async with driving(size=size, prepare=labelled) as d:
        await standing(d)
        await d.press("T")
        await d.until(lambda: d.desk.did("save_packet"))
        packet = d.paper.packets[48_213]
        assert packet.act == "lock"
        assert packet.params == {}
        assert (
            f"still live: withdrawal address {ADDRESS} → freeze_withdrawals; no act removes the address"
            in packet.finding
        )
        assert "gone: api key" in packet.finding
        assert "Also needed: freeze_withdrawals, end_sessions" in d.word
        assert d.base.tabs.active == "packet"


async def test_a_second_time_replaces_the_list_and_keeps_the_finding_and_the_act() -> None:
    async with driving(prepare=labelled) as d:
        await standing(d)
        await d.press("T")
        await d.until(lambda: d.desk.did("save_packet"))
        first = d.paper.packets[48_213]
        d.paper.packets[48_213] = replace(first, finding="It was d-77.\n\n" + first.finding, act="end_sessions")
        d.paper.account = replace(d.paper.account, sessions=())
        d.base.show_tab("standing")
        d.base.focus_pane()
        await d.press("T")
        await d.until(lambda: len(d.desk.did("save_packet")) == 2)
        packet = d.paper.packets[48_213]
        assert packet.finding.startswith("It was d-77.\n\nLeft standing by the intruder, read again")
        assert packet.finding.count("Left standing by the intruder") == 1
        assert "gone: session s-9" in packet.finding.replace("api key; ", "")
        assert packet.act == "end_sessions"
        assert "recommends end_sessions already; it stays" in d.word


async def test_a_draft_that_was_not_saved_is_not_written_over() -> None:
    async with driving(prepare=labelled) as d:
        await standing(d)
        d.paper.drafts[("ana.k", 48_213, "packet")] = '{"finding":"half a sentence"}'
        await d.press("T")
        await d.until(lambda: "has a draft that was not saved" in d.word)
        assert not d.desk.did("save_packet")


async def test_whoever_does_not_hold_the_case_puts_nothing_into_its_packet() -> None:
    async with driving(prepare=labelled) as d:
        await standing(d)
        d.base.lost = "taken over"
        await d.press("T")
        assert "Only whoever holds the case" in d.word
        assert not d.desk.did("save_packet")


@both
async def test_unlabelled_changes_are_shown_as_a_query(size: tuple[int, int]) -> None:
    async with driving(size=size, prepare=lambda paper: setattr(paper, "labels", ())) as d:
        await standing(d)
        await d.press("U")
        await d.until(lambda: d.base.timeline.shown == 4)
        shown = d.base.timeline.ledger.shown
        rows = [shown.row_at(at) for at in range(len(shown))]
        assert {row.event.action for row in rows if isinstance(row, EventRow)} == {
            "second_factor.removed",
            "passkey.enrolled",
            "api_key.created",
            "withdrawal_address.added",
        }
        assert d.app.focused is d.base.timeline.ledger
        await d.press("l")
        d.one("ChoiceList").move_to("device\x1fd-77\x1fintruder")
        await d.press("enter")
        await d.until(lambda: d.base.timeline.shown == 0)


@both
async def test_enter_goes_to_the_event_that_made_it(size: tuple[int, int]) -> None:
    async with driving(size=size, prepare=labelled) as d:
        await standing(d)
        row = d.one(LeftLedger).row()
        await d.press("enter")
        assert d.app.focused is d.base.timeline.ledger
        assert d.base.timeline.ledger.event.id == row.made.event_id


async def test_a_label_that_comes_later_makes_the_list_old() -> None:
    async with driving(size=(120, 40), prepare=labelled) as d:
        await standing(d)
        d.base.timeline.ledger.focus()
        await d.press("end", "l")
        d.one("ChoiceList").move_to("network\x1fAS2860\x1fowner")
        await d.press("enter")
        assert "labels changed since: S lists again" in str(d.base.standing.query_one(".about").render())


# -- related accounts --------------------------------------------------------------------------------


@both
async def test_related_accounts_are_ranked_by_what_is_rare(size: tuple[int, int]) -> None:
    async with driving(size=size, prepare=labelled) as d:
        await related(d)
        assert list(d.one(RelatedLedger).keys) == [data.account_id(n) for n in (3, 5, 9)]
        asked = set(d.desk.did("related")[0][1])
        assert {"d-77", "d-12", "185.220.101.7", "AS2860"} <= asked
        assert "3 related" in d.seen()
        assert "strong" in d.seen()


async def test_what_a_carrier_shares_names_nobody() -> None:
    async with driving(size=(120, 40), prepare=labelled) as d:
        await related(d)
        assert "network AS2860 is shared by 4,312 accounts: that says almost nothing" in d.base.related_pane.text
        assert "device d-77  shared by 3 accounts" in d.base.related_pane.text
        assert "there 2025-11-01 14:02" in d.base.related_pane.text


@both
async def test_a_related_account_opens_for_a_reason_only(size: tuple[int, int]) -> None:
    async with driving(size=size, prepare=labelled) as d:
        await related(d)
        await d.press("enter")
        assert d.at == "ReasonDialog"
        d.fill("#reason", "short")
        await d.press("enter")
        assert not d.desk.did("open_account")
        d.fill("#reason", LONG)
        await d.press("enter")
        assert d.desk.did("open_account") == [(data.account_id(3), LONG)]
        await d.until(lambda: d.base.case is None)
        assert d.base.related is None
        assert "opened without a case" in d.seen()


async def test_nobody_who_can_say_is_not_nobody_who_shares() -> None:
    async with driving(size=(120, 40), prepare=lambda paper: setattr(paper, "shared", ())) as d:
        await related(d)
        assert "Who shares values could not be read." in d.seen()
        assert "answered too late" in d.seen()


# -- claims ------------------------------------------------------------------------------------------


@both
async def test_a_claim_is_written_down_with_its_mail(size: tuple[int, int]) -> None:
    async with driving(size=size) as d:
        await d.press("n", "C")
        d.fill("#said", "x")
        await d.press("enter", "enter")
        assert d.at == "ClaimDialog"
        d.fill("#said", "I was asleep at six.")
        await d.press("enter", "down", "enter")
        assert d.desk.did("add_claim") == [(48_213, "I was asleep at six.", 1)]
        assert d.base.tabs.active == "claims"
        assert "□ nobody looked" in d.seen()


async def with_claim(d: Driver) -> None:
    await d.press("n")
    await d.desk.add_claim(48_213, "I removed no second factor.")
    d.desk.hint("mail")
    await d.until(lambda: d.base.findings.claims)


@both
async def test_the_event_under_the_cursor_is_pinned_and_tied(size: tuple[int, int]) -> None:
    async with driving(size=size) as d:
        await with_claim(d)
        d.base.timeline.ledger.focus()
        await d.press("E", "enter")
        assert d.at == "JudgeClaimDialog"
        d.one("#verdicts").move_to("contradicted")
        await d.press("enter", "enter", "enter")
        await d.until(lambda: d.desk.did("judge_claim"))
        assert d.desk.did("pin") == [(48_213, "i-11")]
        assert d.desk.did("judge_claim") == [(1, "contradicted", (2,), "")]
        assert "✗ contradicted" in d.seen()
        assert len(d.base.view.pins) == 2


async def test_an_event_that_is_pinned_already_is_tied_by_its_pin() -> None:
    async with driving() as d:
        await with_claim(d)
        d.base.timeline.ledger.focus()
        event = data.pins()[0].event_id
        row = next(n for n, one in enumerate(d.paper.events) if one.id == event)
        d.base.timeline.ledger.move_to(row)
        await d.press("E", "enter", "enter", "enter", "enter")
        await d.until(lambda: d.desk.did("judge_claim"))
        assert d.desk.did("pin") == []
        assert d.desk.did("judge_claim") == [(1, "supported", (1,), "")]


@both
async def test_a_claim_is_judged_in_its_pane(size: tuple[int, int]) -> None:
    async with driving(size=size) as d:
        await with_claim(d)
        d.base.show_tab("claims")
        d.base.focus_pane()
        await d.press("enter")
        assert d.at == "JudgeClaimDialog"
        await d.press("enter", "enter", "enter")
        assert "Take the pins that it rests on" in d.seen()
        d.one("#pins").focus()
        await d.press("space", "enter", "enter")
        await d.until(lambda: d.desk.did("judge_claim"))
        assert d.desk.did("judge_claim") == [(1, "supported", (1,), "")]


async def test_that_nobody_can_know_needs_a_reason() -> None:
    async with driving() as d:
        await with_claim(d)
        d.base.show_tab("claims")
        d.base.focus_pane()
        await d.press("enter")
        d.one("#verdicts").move_to("cannot_know")
        await d.press("enter", "enter")
        assert "10 more characters" in d.seen()
        d.fill("#why", "No source covers that hour.")
        await d.press("enter")
        await d.until(lambda: d.desk.did("judge_claim"))
        assert d.desk.did("judge_claim") == [(1, "cannot_know", (), "No source covers that hour.")]


async def test_evidence_without_a_claim_says_what_to_do() -> None:
    async with driving() as d:
        await d.press("n", "E")
        assert "C writes down what the client says" in d.word


@both
async def test_the_senior_reads_the_claims_in_the_packet(size: tuple[int, int]) -> None:
    paper = Paper()
    paper.forward(48_213)
    async with driving("mia.s", size=size, paper=paper) as d:
        await d.desk.add_claim(48_213, "I removed no second factor.")
        await d.desk.judge_claim(1, "contradicted", (1,))
        await d.press("3", "enter")
        await d.until(lambda: d.base.opened)
        text: Any = d.base.packet.text
        assert "claims against the log 1" in text
        assert "✗ contradicted  “I removed no second factor.”" in text


@pytest.mark.parametrize("keys", [("C",), ("E", "enter")], ids=["write down", "judge"])
async def test_its_dialogs_fit(keys: tuple[str, ...]) -> None:
    from tests.ui.test_fits import fits

    async with driving(size=(80, 24)) as d:
        await with_claim(d)
        for n in range(9):
            d.paper.pins = (*d.paper.pins, replace(d.paper.pins[0], id=n + 2, summary="x" * 300))
        await d.press("ctrl+r")
        await d.press(*keys)
        fits(d, keys[0])
