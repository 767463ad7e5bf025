"""Acts and elevated mode: nothing is asked for by one key, and a proof is bound to what it is for."""

from __future__ import annotations

from datetime import timedelta

from textual.widgets import Button

from tests.ui.driving import LONG, Driver, driving, two_packets
from tests.ui.paper_desk import replace
from workstation.services.views import Difference, Option, WhyNot

# -- acts ------------------------------------------------------------------------------------------


async def arm(d: Driver, reason: str = LONG, code: str = "COMPROMISE_CONTAINMENT") -> None:
    d.fill("#code", code)
    d.fill("#text", reason)
    d.fill("#typed", "aa71 n84g")
    await d.settle()
    d.one("#yes", Button).press()
    await d.settle()


async def test_the_acts_menu_says_why_not() -> None:
    async with driving() as d:
        await d.press("n", "a", "down", "down", "down", "enter")
        assert d.at == "ActsDialog"
        assert "Level 1 protects; loosening takes Level 2 or a grant." in d.seen()
        assert "3 now · 2 not now · 1 never" in d.seen()
        assert not d.desk.did("request_act")


async def test_every_reason_says_when_it_ends_and_what_to_do() -> None:
    async with driving(size=(80, 24)) as d:
        await d.press("n", "a", "down", "down", "down", "down")
        assert "✗ Your level does not allow this." in d.seen()
        assert "→ Forward the case with a packet." in d.seen()
        assert "◷ ends by itself 2025-11-12 17:02Z, in 9d 03h" in d.seen()
        await d.press("enter", "end")
        assert "✗ Evidence is missing: proofing." in d.seen()


async def test_what_is_closed_to_everybody_says_so() -> None:
    async with driving("mia.s") as d:
        await d.press("n", "a", "end")
        assert "⊘ never" in d.seen()
        assert "Nobody may do this, at no level, with broken glass neither." in d.seen()
        await d.press("enter")
        assert d.at == "ActsDialog"


async def test_the_safe_answer_has_the_focus_and_nothing_arms_by_one_key() -> None:
    async with driving() as d:
        await d.press("n", "a", "enter")
        assert d.at == "ArmDialog"
        assert d.app.focused is d.one("#no")
        assert d.one("#yes", Button).disabled
        d.fill("#code", "COMPROMISE_CONTAINMENT")
        d.fill("#text", LONG)
        d.fill("#typed", "AA71 N84X")
        await d.settle()
        assert d.one("#yes", Button).disabled
        d.one("#typed").focus()
        d.fill("#typed", "AA71N84G")
        await d.press("enter")
        assert d.at == "ArmDialog"
        assert not d.desk.did("request_act")
        await d.press("escape")
        assert not d.desk.did("request_act")


async def test_a_protective_act_needs_no_step_up_and_is_read_back() -> None:
    async with driving(size=(120, 40)) as d:
        await d.press("n", "a", "enter")
        await arm(d)
        assert d.desk.did("request_act") == [(48_213, "lock", {}, "COMPROMISE_CONTAINMENT", LONG)]
        assert not d.desk.did("step_up")
        assert "lock: read back as done" in d.seen()


async def test_a_tier_three_act_is_bound_to_its_own_step_up() -> None:
    async with driving("mia.s", prepare=two_packets) as d:
        await d.press("3", "enter", "A")
        assert d.at == "ArmDialog"
        assert "CANNOT BE UNDONE" in d.seen()
        assert "factor f-2 passkey MacBook" in d.seen()
        await arm(d, code="LOST_DEVICE")
        assert d.at == "StepUpDialog"
        assert d.app.armed == "remove factor f-2 on AA71 N84G"
        await d.press("t")
        intent = await d.desk.intent(48_213, "remove_factor", {"factor": "f-2"})
        assert d.desk.did("step_up") == [("fido2", intent)]
        assert d.desk.did("request_act")[0][1:3] == ("remove_factor", {"factor": "f-2"})
        assert d.app.armed == ""
        assert "24:00:00" in d.seen()


async def test_leaving_the_step_up_asks_for_nothing() -> None:
    async with driving("mia.s", prepare=two_packets) as d:
        await d.press("3", "enter", "A")
        await arm(d, code="LOST_DEVICE")
        await d.press("escape")
        assert d.at == "EscalationsScreen"
        assert not d.desk.did("request_act")
        assert d.app.armed == ""
        assert not d.app.elevated


async def test_approval_shows_the_hash_and_is_bound_to_it() -> None:
    async with driving("mia.s", prepare=two_packets) as d:
        request = d.paper.requests["1"]
        await d.press("3", "y")
        assert d.at == "ApproveDialog"
        assert request.request_hash.hex() in d.seen()
        assert d.app.focused is d.one("#no")
        d.one("#yes", Button).press()
        await d.settle()
        await d.press("t")
        assert d.desk.did("step_up") == [("fido2", request.request_hash)]
        assert d.desk.did("approve") == [("1",)]


async def test_a_fact_that_moved_blocks() -> None:
    async with driving("mia.s", prepare=two_packets) as d:
        d.paper.moved = (Difference(name="factors", before="2", now="1", blocks=True),)
        await d.press("3", "enter")
        assert "BLOCKS factors: 2 → 1" in d.seen()
        await d.press("A")
        assert d.at == "EscalationsScreen"
        assert "factors moved since it was forwarded, and blocks" in d.word


async def test_return_and_take_over() -> None:
    async with driving("mia.s", prepare=two_packets) as d:
        await d.press("3", "enter", "R")
        d.fill("#text", "Please label the network as well, then send it again.")
        await d.press("ctrl+s")
        assert d.desk.did("return_packet")[0][0] == 48_213
        await d.press("enter", "T")
        assert d.desk.did("take_over") == [(48_192,)]
        assert d.at == "AccountScreen"


async def test_arming_takes_a_case_over_that_nobody_holds() -> None:
    async with driving("mia.s", prepare=two_packets) as d:
        options, case = d.desk.options, d.paper.order[0]
        d.paper.rows[case] = replace(d.paper.rows[case], holder=None, holder_name="")

        async def until_held(number: int) -> tuple[Option, ...]:
            found = await options(number)
            why = WhyNot(code="not_holder", what="You do not hold this case.")
            return found if d.desk.did("take_over") else tuple(replace(o, allowed=False, reasons=(why,)) for o in found)

        d.desk.options = until_held  # type: ignore[method-assign]
        await d.press("3", "enter", "A")
        assert d.desk.did("take_over") == [(case,)]
        assert d.at == "ArmDialog"


async def test_veto_needs_a_reason() -> None:
    async with driving("mia.s", prepare=two_packets) as d:
        await d.press("3", "V")
        d.fill("#reason", LONG)
        await d.press("enter")
        assert d.desk.did("veto") == [("1", LONG)]


# -- elevated mode ---------------------------------------------------------------------------------


async def test_elevated_mode_says_who_how_long_and_what_is_armed() -> None:
    async with driving("mia.s", prepare=two_packets) as d:
        await d.press("3", "ctrl+e", "t")
        assert d.app.screen.has_class("-elevated")
        assert "▲ ELEVATED mia.s · 15:00 left, idle 05:00 · no act armed" in d.seen()
        d.paper.clock.move(timedelta(minutes=1))
        d.base.tick()
        await d.settle()
        assert "14:00 left, idle 04:00" in d.seen()
        await d.press("ctrl+e")
        assert not d.app.screen.has_class("-elevated")
        assert d.desk.did("step_down")


async def test_a_wrong_code_says_what_to_do() -> None:
    async with driving("mia.s", methods=("totp",)) as d:
        await d.press("ctrl+e")
        d.fill("#proof", "000000")
        await d.press("enter")
        assert d.at == "StepUpDialog"
        assert "The code is wrong." in d.seen()
        d.fill("#proof", "123456")
        await d.press("enter")
        assert d.app.elevated


async def test_no_method_is_a_sentence() -> None:
    async with driving("mia.s", methods=()) as d:
        await d.press("ctrl+e")
        assert "No way to step up is set up for you." in d.seen()
        await d.press("escape")
