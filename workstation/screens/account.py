"""The account: its timeline, the client's mail, the procedure, the packet, and the acts that may be asked for."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from textual import on, work
from textual.binding import BindingType

from workstation.screens import flows
from workstation.screens.account_base import REVEAL_S
from workstation.screens.account_keys import KEYS
from workstation.screens.account_reading import AccountReading
from workstation.screens.dialogs.choose import ChooseDialog
from workstation.services.text import group4
from workstation.services.timeline.event import Event
from workstation.services.timeline.working.rows import FoldRow
from workstation.services.views import Option, Pin, Step
from workstation.widgets.choices import Choice
from workstation.widgets.labels import VERDICTS, tied_to
from workstation.widgets.ledger import Ledger
from workstation.widgets.mail_thread import recallable
from workstation.widgets.tab_line import TabLine

#: Actions that need an event under the cursor.
ON_EVENT = {"keep_value", "hide_value"}
#: Actions that write to the case, so that its lease must be mine.
WRITES = {"reply", "note", "tick_step", "packet", "acts", "reveal", "close", "give_back", "proof", "claim"}


class AccountScreen(AccountReading):
    """One account, worked by way of one case."""

    CSS_PATH = "account.tcss"
    HELP = "The account of the case. The keys work on the event under the cursor of the timeline, or on the case."
    BINDINGS: ClassVar[list[BindingType]] = KEYS

    # -- what can be done now ------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done now."""
        if self.host.desk is None:
            return None
        if action in WRITES:
            return self.holding or None
        if action in ON_EVENT:
            return self.timeline.ledger.event is not None or None
        if action in ("pin", "label", "claim_evidence"):
            return (self.holding and self.timeline.ledger.event is not None) or None
        if action == "break_glass":
            return (self.host.glass.on or self.holding) or None
        if action == "recall":
            return recallable(self.thread, self.host.clock.now()) is not None or None
        if action == "veto":
            return any(request.state == "pending" for request in self.requests) or None
        return True

    # -- evidence ------------------------------------------------------------------------------------

    def action_pin(self) -> None:
        """Keep the event under the cursor."""
        event = self.timeline.whole()
        if event is not None and self.case is not None:
            self._pin(self.case, event)

    @work(group="pin", name="pin the event", exit_on_error=False)
    async def _pin(self, case: int, event: Event) -> None:
        pin = await self.desk.pin(case, event)
        if case == self.case and self.view is not None:
            others = tuple(p for p in self.view.pins if p.id != pin.id)
            self._take(msgspec.structs.replace(self.view, pins=(*others, pin)))
            self.say(f"Kept as evidence: pin {pin.id}, sha256 {pin.sha256[:16]}…")
            self.read_papers(case)

    @work(group="flow", name="label", exit_on_error=False)
    async def action_label(self) -> None:
        """Choose what to label, and as whose."""
        event, case = self.timeline.ledger.event, self.case
        if event is None or case is None:
            return
        choices = [
            Choice(key=f"{kind}\x1f{value}\x1f{verdict}", label=f"{kind} {value}", detail=word.text, tone=word.tone)
            for kind, value in tied_to(event)
            for verdict, word in VERDICTS.items()
        ]
        dialog = ChooseDialog("Whose is it?", choices, first="what", second="is of the")
        key = await self.ask(dialog)
        if key is None:
            return
        label = await self.desk.label(case, *key.split("\x1f"))
        if case == self.case and self.view is not None:
            kept = tuple(one for one in self.view.labels if (one.kind, one.value) != (label.kind, label.value))
            self._take(msgspec.structs.replace(self.view, labels=(*kept, label)))

    # -- writing to the case -------------------------------------------------------------------------

    @work(group="flow", name="reply", exit_on_error=False)
    async def action_reply(self) -> None:
        """Write to the client."""
        from workstation.screens.dialogs.reply import ReplyDialog

        case, view, row = self.case, self.view, self.row
        if case is None or view is None or row is None:
            return
        with self.opening("the mail"):
            templates, draft = await self.desk.templates(case), await self.desk.draft(case, "mail")
        dialog = ReplyDialog(case, row.ref, view.reply_to_masked, row.language, templates, draft)
        mail = await self.ask(dialog)
        if mail is not None:
            self.say("The mail is queued. u takes it back for 15 seconds.", "time")
            self.show_tab("mail")
            self.read_papers(case)

    @work(group="flow", name="recall the mail", exit_on_error=False)
    async def action_recall(self) -> None:
        """Take the queued mail back."""
        mail = recallable(self.thread, self.host.clock.now())
        if mail is not None and self.case is not None:
            back = await self.desk.recall_mail(mail.id)
            self.say("The mail was taken back; nobody got it." if back else "✗ It is on its way already.", "strong")
            self.read_papers(self.case)

    @work(group="flow", name="note", exit_on_error=False)
    async def action_note(self) -> None:
        """Write a note."""
        from workstation.screens.dialogs.note import NoteDialog

        case, row = self.case, self.row
        if case is None or row is None:
            return
        with self.opening("the note"):
            draft = await self.desk.draft(case, "note")
        note = await self.ask(NoteDialog(case, row.ref, draft))
        if note is not None and case == self.case and self.view is not None:
            self._take(msgspec.structs.replace(self.view, notes=(*self.view.notes, note)))
            self.show_tab("notes")

    @work(group="flow", name="tick the next step", exit_on_error=False)
    async def action_tick_step(self) -> None:
        """Tick the next step, with a pin where it needs one."""
        case, view = self.case, self.view
        step = view.procedure.next_step if view and view.procedure else None
        if case is None or view is None or step is None:
            self.say("No step is left to tick." if view and view.procedure else "This kind has no procedure.")
            return
        self.show_tab("procedure")
        pin = await self._pin_for(step, view.pins) if step.needs_pin else None
        if step.needs_pin and pin is None:
            return
        procedure = await self.desk.tick(case, step.key, pin)
        if case == self.case and self.view is not None:
            self._take(msgspec.structs.replace(self.view, procedure=procedure))
            self.read_papers(case)

    async def _pin_for(self, step: Step, pins: tuple[Pin, ...]) -> int | None:
        if not pins:
            self.say("This step rests on evidence: pin an event with p first.", "strong")
            return None
        choices = [Choice(key=str(pin.id), label=f"pin {pin.id}", detail=pin.summary) for pin in pins]
        dialog = ChooseDialog("Which pin shows it?", choices, ask=step.text, first="pin", second="what it is")
        key = await self.ask(dialog)
        return int(key) if key else None

    @work(group="flow", name="packet", exit_on_error=False)
    async def action_packet(self) -> None:
        """Edit the packet; forward it or ask for guidance."""
        from workstation.screens.dialogs.forward import ForwardDialog

        case, row = self.case, self.row
        if case is None or row is None:
            return
        with self.opening("the packet"):
            packet, options = await self.desk.packet(case), await self.desk.options(case)
            draft = await self.desk.draft(case, "packet")
        dialog = ForwardDialog(row.ref, packet, options, draft)
        self.show_tab("packet")
        forwarded = await self.ask(dialog)
        if forwarded is not None:
            self.say(f"{row.ref} was forwarded; the facts as they stand are stamped on it.", "accent")
        self.read(case, again=True)

    @work(group="flow", name="reveal", exit_on_error=False)
    async def action_reveal(self) -> None:
        """Read one field for a minute."""
        from workstation.screens.dialogs.reveal import RevealDialog

        case = self.case
        chosen = await self.ask(RevealDialog())
        if chosen is None or case is None:
            return
        value = await self.desk.reveal(case, chosen.field, chosen.reason)
        if case == self.case:
            self.revealed[chosen.field] = (value, self.host.clock.monotonic() + REVEAL_S)
            self.write_card()
            if self.size.width < 100:
                self.show_tab("account")
            self.say(f"The {chosen.field} is shown for a minute; the reason is in the audit.", "time")

    @work(group="flow", name="close the case", exit_on_error=False)
    async def action_close(self) -> None:
        """Close the case with its outcome."""
        from workstation.screens.dialogs.reason import ReasonDialog

        case, row = self.case, self.row
        if case is None or row is None:
            return
        ask = "How did it end? Whoever opens it again reads this."
        outcome = await self.ask(ReasonDialog(f"Close {row.ref}", ask, yes="Close it", label="outcome"))
        if outcome:
            await self.desk.close(case, outcome)
            self._left(f"{row.ref} is closed.")

    @work(group="flow", name="give the case back", exit_on_error=False)
    async def action_give_back(self) -> None:
        """Give the case back to the queue."""
        case, row = self.case, self.row
        if case is not None and row is not None:
            await self.desk.release(case)
            self._left(f"{row.ref} is back in the queue; drafts are kept.")

    def _left(self, word: str) -> None:
        self.forget()
        self.say(f"{word} n takes the next case.")

    # -- acts ----------------------------------------------------------------------------------------

    @work(group="flow", name="ask for an act", exit_on_error=False)
    async def action_acts(self) -> None:
        """List the acts; one that is chosen opens its arming dialog."""
        case, view = self.case, self.view
        if case is None or view is None:
            return
        with self.opening("the acts"):
            options = await self.desk.options(case)
        option: Option | None = await flows.choose_act(self, view.account.id, options)
        if option is None:
            return
        request = await flows.ask_for_act(self, case, view.account, option, view.pins)
        if request is not None:
            self.show_tab("requests")
            self.read(case, again=True)

    @work(group="flow", name="what a pin proves", exit_on_error=False)
    async def action_proof(self) -> None:
        """Record what a pin proves."""
        from workstation.screens.dialogs.proof import ProofDialog

        case, view, row, event = self.case, self.view, self.row, self.timeline.ledger.event
        if case is None or view is None or row is None:
            return
        if not view.pins:
            self.say("A proof rests on evidence: pin an event with p first.", "strong")
            return
        under = self.pin_of(event) if event is not None else None
        proofs = self.packet.proofs if self.packet is not None else ()
        said = await self.ask(ProofDialog(row.ref, view.pins, proofs, under.id if under else None))
        if said is not None:
            proof = await self.desk.record_proof(case, said.proof_class, said.pin, said.note)
            self.say(f"Pin {proof.pin} stands for {proof.proof_class} now.", "accent")
            self.read_papers(case)

    @work(group="flow", name="break the glass", exit_on_error=False)
    async def action_break_glass(self) -> None:
        """Break the glass for this case, or end it where it is broken."""
        case, row, view = self.case, self.row, self.view
        if self.host.glass.on:
            await flows.end_glass(self)
        elif case is not None and row is not None and view is not None:
            await flows.break_glass(self, case, row.ref, group4(view.account.id))

    @work(group="flow", name="veto", exit_on_error=False)
    async def action_veto(self) -> None:
        """Stop a request that was not executed yet."""
        waiting = [request for request in self.requests if request.state == "pending"]
        request = await flows.choose_request(
            self, waiting, f"Veto on {group4(self.view.account.id) if self.view else ''}"
        )
        if request is not None and await flows.veto(self, request) and self.case is not None:
            self.read_papers(self.case)

    # -- places --------------------------------------------------------------------------------------

    def action_next(self) -> None:
        """Take the next case, once, and open it here."""
        if not self.busy("take"):
            self._next()

    @work(group="take", name="take the next case", exit_on_error=False)
    async def _next(self) -> None:
        with self.waiting("Taking the next case"):
            row = await self.desk.claim_next()
        if row is None:
            self.say("· Nothing waits that you may take. 1 goes to the queue.")
        else:
            self.open(row.id)

    def action_tab(self, by: int) -> None:
        """Show the pane before or after."""
        names = [tab for tab, _, _ in self.tabs.tabs]
        self.show_tab(names[(names.index(self.tabs.active) + by) % len(names)])

    @on(TabLine.Picked)
    def tab_picked(self, event: TabLine.Picked) -> None:
        """Show the pane that was clicked."""
        self.show_tab(event.tab)

    @on(Ledger.Opened, "#events")
    def whole_event(self) -> None:
        """Show the whole event, and let the keys scroll it; open or close a fold."""
        row = self.timeline.ledger.row()
        if isinstance(row, FoldRow):
            self.timeline.turn_fold(row.key)
            return
        self.show_tab("event")
        self.write_detail()
        self.detail.focus()
