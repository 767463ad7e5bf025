"""What leads and auditors watch: alerts, and broken glass; and broken glass itself."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from textual.widgets import Button

from tests.ui import paper_data as data
from tests.ui.driving import LONG, driving, two_packets, watched
from tests.ui.poison import ALL, TEXTS, poisoned
from tests.ui.test_terminal import UNSAFE
from workstation.services.errors import Refused

# -- broken glass ----------------------------------------------------------------------------------


async def test_broken_glass_says_what_it_opens_and_what_it_never_opens() -> None:
    async with driving("mia.s", size=(80, 24)) as d:
        await d.press("n", "B")
        assert d.at == "BreakGlassDialog"
        for words in ("30 minutes at most", "the client's own lock: nobody can", "anything of tier 3", "every lead"):
            assert words in d.seen()
        assert d.app.focused is d.one("#no")
        assert d.one("#yes", Button).disabled
        await d.press("enter")
        assert not d.desk.did("break_glass")


async def test_the_glass_is_broken_for_an_incident_and_a_reason_in_elevated_mode() -> None:
    async with driving("mia.s", size=(120, 40)) as d:
        await d.press("n", "B")
        d.fill("#incident", "inc-7781")
        d.fill("#reason", LONG)
        await d.settle()
        d.one("#yes", Button).press()
        await d.settle()
        assert d.at == "StepUpDialog"
        await d.press("t")
        assert d.desk.did("break_glass") == [(48_213, "INC-7781", LONG)]
        assert d.app.screen.has_class("-glass")
        assert "◈ BROKEN GLASS INC-7781 CS-48213 · 30:00 left · no act armed · B ends it" in d.seen()
        d.paper.clock.move(timedelta(minutes=1))
        d.base.tick()
        await d.settle()
        assert "29:00 left" in d.seen()


async def test_left_at_the_step_up_the_glass_is_whole() -> None:
    async with driving("mia.s") as d:
        await d.press("n", "B")
        d.fill("#incident", "INC-1")
        d.fill("#reason", LONG)
        await d.settle()
        d.one("#yes", Button).press()
        await d.settle()
        await d.press("escape")
        assert not d.desk.did("break_glass")
        assert "The glass is whole" in d.word


async def test_broken_glass_is_ended_by_the_same_key() -> None:
    async with driving("mia.s") as d:
        await d.press("n")
        await d.desk.break_glass(48_213, "INC-7781", LONG)
        await d.app.glass.read()
        await d.settle()
        await d.press("B", "tab", "enter")
        assert d.desk.did("end_break_glass")
        assert not d.app.screen.has_class("-glass")
        assert "A lead who is not you judges it" in d.word


async def test_broken_glass_that_has_run_out_is_not_shown() -> None:
    async with driving("mia.s") as d:
        await d.press("n")
        await d.desk.break_glass(48_213, "INC-7781", LONG)
        await d.app.glass.read()
        for _ in range(16):
            d.paper.clock.move(timedelta(minutes=1, seconds=59))
            await d.press("down")
        d.base.tick()
        await d.settle()
        assert not d.app.screen.has_class("-glass")


# -- what leads see --------------------------------------------------------------------------------


async def test_a_lead_sees_how_much_waits_wherever_he_is() -> None:
    async with driving("lea.d", prepare=watched, size=(120, 40)) as d:
        d.base.tick()
        await d.settle()
        assert "6 Audit 3" in d.seen()


async def test_an_alert_is_taken_note_of() -> None:
    async with driving("lea.d", prepare=watched, size=(120, 40)) as d:
        await d.press("6", "right")
        assert "view budget" in d.seen()
        assert "opened 31 accounts within an hour" in d.seen()
        await d.press("enter")
        assert d.at == "ConfirmDialog"
        assert d.app.focused is d.one("#no")
        await d.press("tab", "enter")
        assert d.desk.did("see_alert") == [(2,)]
        assert "view budget" not in d.seen()
        assert "colleague account" in d.seen()


async def test_broken_glass_is_judged_with_a_reason_in_elevated_mode() -> None:
    async with driving("lea.d", prepare=watched, size=(80, 24)) as d:
        await d.press("6", "right", "right")
        assert "INC-7781" in d.seen()
        await d.press("enter")
        assert d.at == "JudgeDialog"
        assert "unlock on AA71 N84G, executed 11:04Z" in d.seen()
        d.one("#right", Button).press()
        await d.settle()
        assert d.at == "JudgeDialog"
        assert "20 more characters" in d.seen()
        d.fill("#text", LONG)
        d.one("#wrong", Button).press()
        await d.settle()
        await d.press("t")
        assert d.desk.did("review_break_glass") == [(1, False, LONG)]
        assert "No broken glass waits to be judged." in d.seen()


async def test_an_analyst_is_told_who_watches() -> None:
    async with driving("ana.k", prepare=watched) as d:
        await d.press("6", "right")
        assert "Leads and auditors watch over alerts and broken glass." in d.seen()


async def test_who_looked_at_an_account_when_and_why() -> None:
    async with driving("lea.d", prepare=watched, size=(120, 40)) as d:
        await d.press("6", "w")
        d.fill("#reason", "aa71 n84g")
        await d.press("enter")
        looks = data.looks("AA71N84G")
        assert "who looked at AA71 N84G" in d.seen()
        for look in looks:
            assert look.name in d.seen()
        assert looks[0].name in d.base.pane.text
        await d.press("down")
        assert looks[1].reason in d.base.pane.text


async def test_an_account_opened_for_a_reason_says_how_long() -> None:
    async with driving(size=(120, 40)) as d:
        view = await d.desk.open_account("AA71N84G", LONG)
        until = d.paper.clock.now() + timedelta(minutes=15)
        await d.app.show_account(msgspec.structs.replace(view, view_until=until))
        await d.settle()
        assert "◷ 15:00 left" in d.seen()
        d.paper.clock.move(timedelta(minutes=9))
        await d.press("down")
        d.paper.clock.move(timedelta(minutes=7))
        d.base.tick()
        await d.settle()
        assert "over: ctrl+p opens it again, for a reason" in d.seen()


# -- refusals --------------------------------------------------------------------------------------


async def test_a_refusal_is_shown_whole() -> None:
    async with driving("mia.s", prepare=two_packets, size=(80, 24)) as d:
        d.desk.broken["request_act"] = Refused(
            "contact_change", "A contact of the account was changed lately.", "Wait, or protect the account."
        )
        await d.press("3", "enter", "A")
        d.fill("#code", "LOST_DEVICE")
        d.fill("#text", LONG)
        d.fill("#typed", "aa71 n84g")
        await d.settle()
        d.one("#yes", Button).press()
        await d.settle()
        await d.press("t")
        assert d.at == "RefusedDialog"
        assert "remove factor f-2 on AA71 N84G was not asked for; nothing was done." in d.seen()
        assert "✗ A contact of the account was changed lately." in d.seen()
        assert "→ Wait, or protect the account." in d.seen()
        assert d.app.armed == ""
        await d.press("enter")
        assert d.at == "EscalationsScreen"


# -- what a pin proves ------------------------------------------------------------------------------


async def test_a_pin_stands_for_one_class_of_evidence() -> None:
    async with driving(size=(80, 24)) as d:
        await d.press("n", "P", "enter", "down", "enter")
        d.fill("#note", "short")
        await d.press("enter")
        assert "5 more characters" in d.seen()
        d.fill("#note", "The passkey of 2019 signed.")
        await d.press("enter")
        assert d.desk.did("record_proof") == [(48_213, "possession", 1, "The passkey of 2019 signed.")]
        await d.press("P", "enter")
        assert "stands for possession already" in d.seen()
        assert d.at == "ProofDialog"


# -- reveal ----------------------------------------------------------------------------------------


async def test_a_revealed_field_counts_down() -> None:
    async with driving(size=(120, 40)) as d:
        await d.press("n", "v", "enter")
        d.fill("#reason", LONG)
        await d.press("enter")
        assert "maria@proton.me" in d.seen()
        assert "◷ 01:00, then masked" in d.seen()
        d.paper.clock.move(timedelta(seconds=18))
        d.base.tick()
        await d.settle()
        assert "◷ 00:42, then masked" in d.seen()
        d.paper.clock.move(timedelta(seconds=42))
        d.base.tick()
        await d.settle()
        assert "maria@proton.me" not in d.seen()


async def test_hostile_texts_of_alerts_reviews_and_looks_stay_texts() -> None:
    paper = poisoned()
    paper.alerts = tuple(msgspec.structs.replace(one, text=ALL, about_name=TEXTS[0]) for one in data.alerts())
    paper.reviews = tuple(msgspec.structs.replace(one, reason=ALL, name=TEXTS[1], acts=TEXTS) for one in data.reviews())
    async with driving("lea.d", paper=paper, size=(120, 40)) as d:
        await d.press("6")
        for keys in (("right",), ("enter",), ("escape", "right"), ("enter",), ("escape", "right")):
            await d.press(*keys)
            assert not UNSAFE.search(d.seen())
        assert not d.desk.did("see_alert")
