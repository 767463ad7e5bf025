"""The account screen's ways to read a timeline: queries, folds, marks; around an event, along it, beside another."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from textual import work
from textual.binding import Binding, BindingType

from workstation.screens.account_query import AccountQuery
from workstation.screens.dialogs.choose import ChooseDialog
from workstation.screens.dialogs.reason import ReasonDialog
from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.query import edit
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.language import parse
from workstation.services.views import Mark
from workstation.widgets.choices import Choice

READING_KEYS: list[BindingType] = [
    Binding(
        "full_stop",
        "around",
        "Around",
        show=False,
        key_display=".",
        id="account.around",
        tooltip="All that happened minutes around this event; again for more, < goes back",
    ),
    Binding("w", "along", "Along", show=False, id="account.along", tooltip="Only this session, device or network"),
    Binding("d", "beside", "Beside", show=False, id="account.beside", tooltip="Keep this event, then compare another"),
    Binding("i", "pins_only", "Pins", show=False, id="account.pins-only", tooltip="Only what is kept as evidence"),
    Binding("O", "event_note", "Note on it", show=False, id="account.event-note", tooltip="Write a note on this event"),
    Binding("K", "marks", "Marks", show=False, id="account.marks", tooltip="All marks; Enter goes to one"),
    Binding("J", "judge_mark", "Judge", show=False, id="account.judge-mark", tooltip="Say whether a mark is right"),
]
#: Minutes on either side of an event: the first time, then each further time.
AROUND_MIN = (5.0, 30.0, 240.0)
#: What one goes along, most telling first.
ALONG = ("session.id", "device.id", "source.ip", "source.as.number")
_PINNED = parse("pinned:true")


class AccountReading(AccountQuery):
    """Reading the timeline, and on from the event under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = READING_KEYS

    def __init__(self) -> None:
        super().__init__()
        self._kept: Event | None = None
        #: The event around which is looked, and how often the time was widened.
        self._middle: tuple[tuple[str, str], int] = (("", ""), 0)

    # -- zone and marks ------------------------------------------------------------------------------

    def action_zone(self) -> None:
        """Write the times in the next zone."""
        self.zones = (*self.zones[1:], self.zones[0])
        self.timeline.set_zone(self.zone)
        self._write_all()
        self.say(f"Times are {self.zone.word} now.")

    def action_mark(self, step: int) -> None:
        """Go to the next marked event, or the one before."""
        rows = [row for mark in self.timeline.marks for row in mark.rows]
        if not self.timeline.ledger.go_to(rows, step):
            self.say(f"No marked event is {'below' if step > 0 else 'above'}." if rows else self._why_unmarked())

    def _why_unmarked(self) -> str:
        timeline = self.timeline.timeline
        return timeline.failed_rules[0] if timeline and timeline.failed_rules else "No rule marked anything."

    # -- around and along ------------------------------------------------------------------------------

    def action_around(self) -> None:
        """Show all that happened around the event, nothing else filtered; each further press widens the time."""
        event = self.timeline.ledger.event
        if event is None:
            self.say("Put the cursor on an event first.")
            return
        name, times = (event.source, event.id), 0
        if self._middle[0] == name:
            times = min(self._middle[1] + 1, len(AROUND_MIN) - 1)
        self._middle = (name, times)
        self.timeline.ask(edit.around(Query(), event.time_us, AROUND_MIN[times]))
        self.say(f"{AROUND_MIN[times]:g} minutes before and after. . widens it, < goes back.")

    @work(group="flow", name="go along", exit_on_error=False)
    async def action_along(self) -> None:
        """Choose a session, device or network of the event, and show only that."""
        event = self.timeline.ledger.event
        choices = (
            []
            if event is None
            else [Choice(key=field, label=field, detail=event.value(field)) for field in ALONG if event.value(field)]
        )
        if event is None or not choices:
            self.say("This row has no session, device or network.")
            return
        field = await self.ask(ChooseDialog("Go along", choices, first="field", second="of this event"))
        if field is not None:
            self.timeline.ask(edit.with_value(Query(), field, event.value(field)))

    def action_pins_only(self) -> None:
        """Show only pins, or everything again."""
        query = self.timeline.query_in_force
        pinned = _PINNED.terms[0]
        if pinned in query.terms:
            self.timeline.ask(edit.without(query, query.terms.index(pinned)))
        else:
            self.timeline.ask(edit.also(query, _PINNED))

    # -- two events -----------------------------------------------------------------------------------

    @work(group="flow", name="compare two events", exit_on_error=False)
    async def action_beside(self) -> None:
        """Keep this event; the next time, show in which fields another one differs."""
        event, kept = self.timeline.ledger.event, self._kept
        if event is None:
            self.say("Put the cursor on an event first.")
            return
        if kept is None or (kept.source, kept.id) == (event.source, event.id):
            self._kept = event
            self.say(f"Kept {event.action} {self.zone.at_us(event.time_us)}: d on another event compares the two.")
            return
        self._kept = None
        apart = abs(event.time_us - kept.time_us) / 1_000_000
        differing = [
            Choice(key=field, label=field, detail=f"{kept.value(field) or '–'}  →  {event.value(field) or '–'}")
            for field in FIELDS
            if field != "event.id" and kept.value(field) != event.value(field)
        ]
        if not differing:
            self.say(f"The two are alike in every field; {apart:,.0f} s lie between them.")
            return
        one, other = (f"{e.action} {self.zone.at_us(e.time_us)}" for e in (kept, event))
        ask = f"{one} beside {other}, {apart:,.0f} s apart. Enter shows only the second's value."
        dialog = ChooseDialog("In what the two differ", differing, ask=ask, first="field", second="values")
        field = await self.ask(dialog)
        if field is not None:
            self.timeline.ask(edit.with_value(self.timeline.query_in_force, field, event.value(field)))

    # -- what is said of events -------------------------------------------------------------------------

    @work(group="flow", name="note on the event", exit_on_error=False)
    async def action_event_note(self) -> None:
        """Write a note on the event under the cursor."""
        event, case = self.timeline.ledger.event, self.case
        if event is None or case is None or not self.holding:
            self.say("A note on an event needs an event under the cursor, and the case in your hands.")
            return
        ask = f"What should colleagues know about {event.action} {self.zone.at_us(event.time_us)}?"
        text = await self.ask(ReasonDialog("Note on an event", ask, yes="Keep it", shortest=3, label="note"))
        if text:
            note = await self.desk.note_event(case, event.source, event.id, text)
            if case == self.case:
                self.findings = msgspec.structs.replace(self.findings, notes=(*self.findings.notes, note))
                self.show_notes_on_events()

    # -- marks ------------------------------------------------------------------------------------------

    @work(group="flow", name="list the marks", exit_on_error=False)
    async def action_marks(self) -> None:
        """List what the rules found; go to the event of one."""
        marks = self.timeline.marks
        if not marks:
            self.say(self._why_unmarked())
            return
        choices = [
            Choice(
                key=str(n),
                label=f"◆ {mark.severity}: {mark.title}",
                detail=mark.why,
                tone="hostile" if mark.severity == "high" else "",
            )
            for n, mark in enumerate(marks)
        ]
        key = await self.ask(ChooseDialog("What the rules found", choices, first="mark", second="what it says"))
        if key is not None and not self.timeline.ledger.move_to(marks[int(key)].rows[-1]):
            self.say("Its event is hidden by the query in force.")

    @work(group="flow", name="judge a mark", exit_on_error=False)
    async def action_judge_mark(self) -> None:
        """Say whether a mark on this event is right; that weighs in the rule's record."""
        case, timeline, row = self.case, self.timeline.timeline, self.timeline.ledger.event_row
        marks = self.timeline.ledger.marks.get(row, ()) if row is not None else ()
        if case is None or timeline is None or not marks or not self.holding:
            self.say("Put the cursor on a marked event of a case that you hold: m goes to the next one.")
            return
        choices = [
            Choice(key=f"{n} {verdict}", label=f"{verdict}: {mark.title}", detail=mark.why)
            for n, mark in enumerate(marks)
            for verdict in ("right", "wrong")
        ]
        key = await self.ask(ChooseDialog("Is the mark right?", choices, first="the mark is", second="what it says"))
        if key is None:
            return
        number, _, verdict = key.partition(" ")
        await self._judge_mark(case, marks[int(number)], timeline.rulebook, verdict == "right")

    async def _judge_mark(self, case: int, mark: Mark, rulebook: bytes, right: bool) -> None:
        why = ""
        if not right:
            ask = f"What did the rule not know? It said: {mark.why}"
            why = await self.ask(ReasonDialog("The mark is wrong", ask, yes="Say so", shortest=10)) or ""
            if not why:
                return
        judged = await self.desk.judge_mark(case, mark.rule, rulebook, right, why, mark.events)
        if case == self.case:
            others = tuple(one for one in self.findings.judgements if one.rule != judged.rule)
            self.findings = msgspec.structs.replace(self.findings, judgements=(*others, judged))
            self.say(f"{mark.title}: judged {judged.verdict}. Its record counts in every case from now on.", "accent")
            self.show_notes_on_events()
