"""The account screen's second half of an investigation: claims, related accounts, and what was left standing."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import msgspec
from textual import on, work
from textual.binding import Binding, BindingType

from workstation.screens.account_base import AccountBase
from workstation.screens.dialogs.choose import ChooseDialog
from workstation.screens.dialogs.claim import ClaimDialog, JudgeClaimDialog
from workstation.screens.dialogs.reason import ReasonDialog
from workstation.services.accounts.left import proposed
from workstation.services.clock import to_micros
from workstation.services.text import clean, group4
from workstation.services.timeline.event import Event
from workstation.services.timeline.query import edit
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.query.patterns import escaped
from workstation.services.views import Claim, LeftStanding, Still, Traces
from workstation.widgets.choices import Choice
from workstation.widgets.claims import ClaimsPane
from workstation.widgets.left_standing import LeftPane
from workstation.widgets.packet import CLAIMS
from workstation.widgets.related import RelatedPane

STORY_KEYS: list[BindingType] = [
    Binding("C", "claim", "Claim", show=False, id="account.claim", tooltip="Write down what the client says"),
    Binding(
        "E",
        "claim_evidence",
        "Evidence",
        show=False,
        id="account.claim-evidence",
        tooltip="Pin this event and tie it to a claim",
    ),
    Binding(
        "S",
        "standing",
        "Standing",
        show=False,
        id="account.standing",
        tooltip="What the intruder left standing, read from the account system now",
    ),
    Binding(
        "W",
        "related",
        "Related",
        show=False,
        id="account.related",
        tooltip="Ask which accounts share values with this one; on record",
    ),
]


class AccountStory(AccountBase):
    """Claims against the log, accounts that share values, and what the intruder left."""

    BINDINGS: ClassVar[list[BindingType]] = STORY_KEYS

    # -- claims --------------------------------------------------------------------------------------

    @work(group="flow", name="write down a claim", exit_on_error=False)
    async def action_claim(self) -> None:
        """Write down what the client says."""
        case, row = self.case, self.row
        if case is None or row is None:
            return
        said = await self.ask(ClaimDialog(row.ref, self.thread))
        if said is not None:
            claim = await self.desk.add_claim(case, said.said, said.mail)
            self.show_tab("claims")
            self._put(case, claim)

    @on(ClaimsPane.Judge)
    def claim_opened(self, message: ClaimsPane.Judge) -> None:
        """Judge a claim of the list."""
        claim = next((one for one in self.findings.claims if one.id == message.claim), None)
        if claim is None or not self.holding:
            self.say("Only whoever holds the case judges its claims.")
        else:
            self._judge(claim, None)

    @work(group="flow", name="tie the event to a claim", exit_on_error=False)
    async def action_claim_evidence(self) -> None:
        """Choose the claim that the event under the cursor speaks about, and judge it."""
        event, claims = self.timeline.whole(), [c for c in self.findings.claims if c.verdict != "withdrawn"]
        if event is None:
            return
        if not claims:
            self.say("No claim is written down: C writes down what the client says.")
            return
        choices = [Choice(key=str(claim.id), label=CLAIMS[claim.verdict].text, detail=claim.said) for claim in claims]
        ask = f"{event.action} is evidence for or against:"
        key = await self.ask(ChooseDialog("Which claim?", choices, ask=ask, first="so far", second="claim"))
        if key is not None:
            self._judge(next(claim for claim in claims if str(claim.id) == key), event)

    @work(group="flow", name="judge a claim", exit_on_error=False)
    async def _judge(self, claim: Claim, event: Event | None) -> None:
        case, view = self.case, self.view
        if case is None or view is None:
            return
        kept = self.pin_of(event) if event is not None else None
        words = f"{event.action} {self.zone.at_us(event.time_us)}" if event is not None and kept is None else ""
        dialog = JudgeClaimDialog(claim, view.pins, event=words, pin=kept.id if kept else None)
        judged = await self.ask(dialog)
        if judged is None:
            return
        pins = set(judged.pins)
        if dialog.NEW in pins and event is not None:
            pin = await self.desk.pin(case, event)
            pins = (pins - {dialog.NEW}) | {pin.id}
            if case == self.case and self.view is not None:
                others = tuple(p for p in self.view.pins if p.id != pin.id)
                self._take(msgspec.structs.replace(self.view, pins=(*others, pin)))
        self._put(case, await self.desk.judge_claim(claim.id, judged.verdict, sorted(pins), judged.why))
        self.show_tab("claims")

    def _put(self, case: int, claim: Claim) -> None:
        if case != self.case:
            return
        others = tuple(one for one in self.findings.claims if one.id != claim.id)
        claims = tuple(sorted((*others, claim), key=lambda one: one.id))
        self.findings = msgspec.structs.replace(self.findings, claims=claims)
        self._write_papers()
        self.claims.ledger.move_to(claim.id)
        self.say(f"Claim {claim.id}: {CLAIMS[claim.verdict].text}.")

    # -- what the intruder left ----------------------------------------------------------------------

    def action_standing(self) -> None:
        """List what the intruder left, read from the account system now."""
        self.show_tab("standing")
        self._read_standing()

    @work(group="standing", name="read what is left standing", exclusive=True, exit_on_error=False)
    async def _read_standing(self) -> None:
        with self.waiting("Reading what is left standing"):
            found = await self._standing_now()
        # Keys stay with the timeline, whose labels made the list.
        if found is not None and any(one.state is Still.LIVE for one in found[1].things):
            self.say("Tab goes to the list: T there puts what protects into the packet.")

    async def _standing_now(self) -> tuple[Traces, LeftStanding] | None:
        """Find what was made and read it again; None where nothing is open, or something else by now."""
        view, timeline = self.view, self.timeline.timeline
        if view is None or timeline is None:
            self.say("No timeline is open: ctrl+r reads the case again.")
            return None
        from workstation.services.timeline.standing import traces

        frame, since = timeline.working.snapshot(), to_micros(view.trouble_since)
        made = await asyncio.to_thread(traces, frame, view.labels, since)
        left = await self.desk.left_standing(view.account.id, made.made)
        if self.view is None or self.view.account.id != view.account.id:
            return None
        self.left = made, left, view.labels
        self._write_standing()
        self._write_tabs()
        return made, left

    def _write_standing(self) -> None:
        if self.left is None:
            self.standing.reset()
            return
        made, left, labels = self.left
        timeline = self.timeline.timeline
        old = ""
        if self.view is not None and labels != self.view.labels:
            old = "labels changed since: S lists again"
        elif timeline is not None and timeline.loading:
            old = "the log is still being read: S lists again"
        elif timeline is not None and timeline.gaps:
            old = "the log has gaps: there may be more"
        self.standing.show(made, left, self.zone, old=old)

    @on(LeftPane.Into)
    def into_packet(self) -> None:
        """Put what is live into the packet."""
        if self.case is None or not self.holding:
            self.say("Only whoever holds the case writes its packet.")
        elif not self.busy("into packet"):
            self._into_packet(self.case)

    @work(group="into packet", name="put what is live into the packet", exit_on_error=False)
    async def _into_packet(self, case: int) -> None:
        """Read it again, so that what the packet says is as of now, and save it."""
        with self.waiting("Reading again what is left standing"):
            found = await self._standing_now()
            draft = await self.desk.draft(case, "packet")
        if found is None or case != self.case:
            return
        _, left = found
        if left.problem:
            self.say(f"✗ Nothing was put into the packet: {left.problem}", "strong")
        elif not left.things:
            self.say("Nothing that the intruder made is in the log: label what is his, then S.")
        elif draft:
            self.say("✗ The packet has a draft that was not saved: e, Ctrl+S; then T again.", "strong")
        else:
            packet, options = await self.desk.packet(case), await self.desk.options(case)
            proposal = proposed(packet, left, options)
            await self.desk.save_packet(case, proposal.packet)
            self.read_papers(case)
            self.show_tab("packet")
            act = f"recommends {proposal.packet.act}" if proposal.packet.act else "recommends no act"
            self.say(" ".join((f"The packet says what is left, and {act}.", *proposal.said)), "accent")

    @on(LeftPane.Unlabelled)
    def show_unlabelled(self) -> None:
        """Show the changes that have no label."""
        timeline = self.timeline.timeline
        if timeline is None:
            return
        from workstation.services.timeline.standing import changes

        actions = [f'"{escaped(action)}"' for action in changes(timeline.working.snapshot())]
        if not actions:
            self.say("The log holds no change at all.")
            return
        words = "-event.outcome:failure" + " -label:".join(("", "intruder", "owner", "unknown"))
        self.timeline.ask(edit.also(Query(), parse(f"event.action:({' OR '.join(actions)}) {words}")))
        self.timeline.ledger.focus()
        self.say("Changes that no label speaks about. l labels one; Esc takes the query back.")

    @on(LeftPane.Go)
    def show_made(self, message: LeftPane.Go) -> None:
        """Put the timeline's cursor on the event that made a thing."""
        shown = self.timeline.ledger.shown
        row = shown.frame.find(message.source, message.event_id) if shown is not None else None
        if row is not None and self.timeline.ledger.move_to(row):
            self.timeline.ledger.focus()
        else:
            self.say("The query in force hides that event: Esc on the timeline drops it.")

    # -- related accounts ----------------------------------------------------------------------------

    def action_related(self) -> None:
        """Ask who shares values with this account."""
        self.show_tab("related")
        if not self.busy("related"):
            self._read_related()

    @work(group="related", name="ask who shares values", exit_on_error=False)
    async def _read_related(self) -> None:
        view, timeline = self.view, self.timeline.timeline
        if view is None or timeline is None:
            self.say("No timeline is open: ctrl+r reads the case again.")
            return
        from workstation.services.timeline.observables import observables

        with self.waiting("Asking who shares values"):
            seen, unasked = await asyncio.to_thread(observables, timeline.working.snapshot(), view.labels)
            related = await self.desk.related(view.account.id, seen)
        if self.view is not None and self.view.account.id == view.account.id:
            self.related = msgspec.structs.replace(related, unasked=unasked)
            self._write_related()
            self._write_tabs()

    def _write_related(self) -> None:
        if self.related is None:
            self.related_pane.reset()
        else:
            self.related_pane.show(self.related, self.zone)

    @on(RelatedPane.Open)
    def related_opened(self, message: RelatedPane.Open) -> None:
        """Open a related account, for a reason as any other."""
        self._open_related(message.account)

    @work(group="flow", name="open a related account", exit_on_error=False)
    async def _open_related(self, account: str) -> None:
        from_here = f" It is related to {self.row.ref}." if self.row is not None else ""
        ask = f"There is no case for this. A lead sees the same day who looked, and why.{from_here}"
        why = await self.ask(ReasonDialog(f"Open {clean(group4(account))} without a case", ask, yes="Open"))
        if why:
            await self.host.show_account(await self.desk.open_account(account, why))
