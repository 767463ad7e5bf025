"""The account screen's data: what is open, how it is read, kept fresh, and written into the panes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar

from textual import getters, on, work
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from workstation.screens.base import DeskScreen
from workstation.services.errors import Refused
from workstation.services.text import group4
from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.working.rows import EventRow
from workstation.services.views import (
    AccountView,
    CaseRow,
    Findings,
    Label,
    LeftStanding,
    MailMessage,
    Packet,
    Pin,
    Related,
    Request,
    Traces,
)
from workstation.widgets import empty
from workstation.widgets.account_card import AccountCard
from workstation.widgets.box import Box
from workstation.widgets.claims import ClaimsPane
from workstation.widgets.event_detail import EventDetail
from workstation.widgets.ledger import Ledger
from workstation.widgets.left_standing import LeftPane
from workstation.widgets.mail_thread import MailThread
from workstation.widgets.notes import NotesPane
from workstation.widgets.packet import PacketPane
from workstation.widgets.prose import Part, plain
from workstation.widgets.related import RelatedPane
from workstation.widgets.requests import RequestsPane
from workstation.widgets.steps import StepsPane
from workstation.widgets.tab_line import TabLine
from workstation.widgets.timeline_pane import NEWEST, TimelinePane
from workstation.widgets.times import ZULU, Zone, client_zone, countdown, left, my_zone
from workstation.widgets.two_parts import TwoParts

#: Seconds between two renewals of the lease; a third of the three minutes that the shortest lease lasts.
HEARTBEAT_S = 60.0
#: Seconds that a burst of cursor moves may outrun the pane of the event, so that holding a key stays quick.
DETAIL_S = 0.04
#: Seconds for which a revealed field may be read.
REVEAL_S = 60.0
TABS = ("event", "mail", "procedure", "packet", "claims", "notes", "related", "standing", "requests")
SHOWN_AS = {"procedure": "steps", "requests": "acts"}
NO_CASE = empty.empty("No case is open.", "n takes the next one; 1 goes to the queue.")


class AccountBase(DeskScreen):
    """Everything of the account screen but its keys."""

    ref_line = getters.query_one("#case-line", Static)
    timeline = getters.query_one("#timeline", TimelinePane)
    tabs = getters.query_one("#tabs", TabLine)
    panes = getters.query_one("#panes", ContentSwitcher)
    detail = getters.query_one("#event", EventDetail)
    mail = getters.query_one("#mail", MailThread)
    steps = getters.query_one("#procedure", StepsPane)
    packet_pane = getters.query_one("#packet", PacketPane)
    claims = getters.query_one("#claims", ClaimsPane)
    notes = getters.query_one("#notes", NotesPane)
    related_pane = getters.query_one("#related", RelatedPane)
    standing = getters.query_one("#standing", LeftPane)
    asked = getters.query_one("#requests", RequestsPane)

    PLACE: ClassVar[str] = "2"
    READS = ("case", "timeline", "papers", "lease", "standing", "related")
    AUTO_FOCUS = "#events"

    def __init__(self) -> None:
        super().__init__()
        self.case: int | None = None
        self.view: AccountView | None = None
        self.thread: Sequence[MailMessage] = ()
        self.packet: Packet | None = None
        self.requests: Sequence[Request] = ()
        self.findings = Findings()
        self.left: tuple[Traces, LeftStanding, tuple[Label, ...]] | None = None
        self.related: Related | None = None
        self.lost = ""
        self.held_until: datetime | None = None
        self.zones: tuple[Zone, ...] = (ZULU,)
        self.revealed: dict[str, tuple[str, float]] = {}
        self._detail_soon: Timer | None = None

    def compose_body(self) -> Iterable[Widget]:
        """Yield the case's line, the card, the timeline and the panes under it."""
        yield Static(id="case-line")
        timeline = Box(
            TimelinePane(self.host.clock, id="timeline"),
            id="timeline-box",
            classes="box",
        )
        switcher = ContentSwitcher(
            EventDetail(id="event"),
            MailThread(id="mail"),
            StepsPane(id="procedure"),
            PacketPane(id="packet"),
            ClaimsPane(id="claims"),
            NotesPane(id="notes"),
            RelatedPane(id="related"),
            LeftPane(id="standing"),
            RequestsPane(id="requests"),
            AccountCard(id="account"),
            initial="event",
            id="panes",
        )
        detail = Box(TabLine(id="tabs"), switcher, id="detail-box", classes="box")
        work_area = Vertical(timeline, detail, id="work")
        yield Horizontal(Box(AccountCard(id="card"), id="card-box", classes="box"), work_area, id="body")

    def on_mount(self) -> None:
        """Renew the lease while a case is open."""
        super().on_mount()
        self.query_one("#card-box").border_title = plain("account")
        self.set_interval(HEARTBEAT_S, self._beat)
        self.tabs.active = "event"
        if self.view is None:
            self._write_all()
            self.timeline.ledger.say(NO_CASE)

    # -- what is open --------------------------------------------------------------------------------

    @property
    def row(self) -> CaseRow | None:
        """The case that is open; None for an account that was opened without one."""
        return self.view.case if self.view is not None else None

    @property
    def holding(self) -> bool:
        """Whether I hold the case and may write to it."""
        row, desk = self.row, self.host.desk
        return row is not None and desk is not None and not self.lost and row.holder == desk.person.login

    @property
    def zone(self) -> Zone:
        """The zone in which times are written now."""
        return self.zones[0]

    def open(self, case: int) -> None:
        """Open a case; the one that is open already is only read again."""
        if case != self.case:
            self._empty()
            self.case = case
        self.host.work_on(case)
        self.read(case)
        self.timeline.ledger.focus()

    def show_without_case(self, view: AccountView) -> None:
        """Show an account that was opened for a reason, without a case: to read, not to write."""
        self._empty()
        self._take(view)
        self.read_timeline(view.account.id)
        self.timeline.ledger.focus()

    def forget(self) -> None:
        """Show nothing of the person before."""
        self._empty()
        self.timeline.ledger.say(NO_CASE)

    def hide(self) -> None:
        """Stop reading, and mask again what was revealed."""
        super().hide()
        self.revealed.clear()
        self.write_card()

    def come_back(self) -> None:
        """Open the case again; an account without one needs its reason again."""
        if self.case is not None:
            self.read(self.case)
        elif self.view is not None:
            self.forget()
            self.say("· The account was closed with the lock: ctrl+p opens it again, for a reason.")

    @property
    def case_in_hand(self) -> int | None:
        """The case that is open."""
        return self.case

    def copyable(self) -> Iterable[tuple[str, str]]:
        """Yield the event under the cursor value by value, the account and the case."""
        event = self.timeline.whole()
        if event is not None:
            fields = sorted(FIELDS.items(), key=lambda field: field[1] == "id")
            yield from ((name, str(getattr(event, attribute))) for name, attribute in fields)
            yield "sha256 of the record", event.sha256
        if self.view is not None:
            yield "account", self.view.account.id
        if self.row is not None:
            yield "case", self.row.ref

    def _empty(self) -> None:
        for group in self.READS:
            self.workers.cancel_group(self, group)
        self.case, self.view, self.packet = None, None, None
        self.thread, self.requests = (), ()
        self.findings, self.left, self.related = Findings(), None, None
        self.lost, self.held_until = "", None
        self.revealed.clear()
        self.timeline.reset()
        self._write_all()

    # -- reading -------------------------------------------------------------------------------------

    @work(group="case", name="open the case", exclusive=True, exit_on_error=False)
    async def read(self, case: int, again: bool = False) -> None:
        """Read the case and its account; then the timeline and the papers."""
        desk = self.desk
        view = await (desk.refresh_case(case) if again else desk.open_case(case))
        if case != self.case:
            return
        self.host.link = "live"
        zone = await asyncio.to_thread(client_zone, view.account.country)
        if case != self.case:
            return
        if self.view is None:
            self.zones = (ZULU, *((zone,) if zone else ()), my_zone(self.host.clock))
        self._take(view)
        self.read_papers(case)
        if not again:
            self.read_timeline(view.account.id)

    def _take(self, view: AccountView) -> None:
        self.view = view
        if view.case is not None and view.case.holder == self.desk.person.login:
            self.lost, self.held_until = "", view.case.lease_until
        self.timeline.set_labels(view.labels)
        self.timeline.set_pins(view.pins)
        self._write_all()
        self.show_keys()

    @work(group="timeline", name="read the timeline", exclusive=True, exit_on_error=False)
    async def read_timeline(self, account: str) -> None:
        """Show the timeline as it comes, and go on with what is new, for as long as the account is open."""
        timeline = await self.desk.timeline(account)
        try:
            while self.view is not None and self.view.account.id == account:
                self.timeline.follow(timeline)
                await timeline.news()
        finally:
            if self.timeline.timeline is timeline:
                self.timeline.let_go()
            await timeline.aclose()

    @work(group="papers", name="read mail, packet and requests", exclusive=True, exit_on_error=False)
    async def read_papers(self, case: int) -> None:
        """Read what is written in the case."""
        desk = self.desk
        thread, packet, requests, findings = await asyncio.gather(
            desk.thread(case), desk.packet(case), desk.requests(case), desk.findings(case)
        )
        if case == self.case:
            self.thread, self.packet, self.requests, self.findings = thread, packet, requests, findings
            self._write_papers()
            self.show_keys()

    def changed(self, word: str) -> None:
        """Read again what the hint is about."""
        if self.case is None:
            return
        if word == "acts":
            self.read(self.case, again=True)
        elif word == "mail":
            self.read_papers(self.case)

    def failed(self, group: str, error: BaseException) -> None:
        """Say what failed where it is looked for."""
        super().failed(group, error)
        why = str(error)
        if group == "lease" and isinstance(error, Refused):
            self.lost = why
            self.say(f"✗ The case is no longer yours: {why} Drafts are kept.", "strong")
            self._write_case_line()
        elif group == "case" and self.view is None:
            refused = isinstance(error, Refused)
            blank = empty.forbidden("this account", why) if refused else empty.failed("the case", why, "ctrl+r")
            self.timeline.ledger.say(blank)
        elif group == "timeline" and not self.timeline.total:
            self.timeline.ledger.say(empty.failed("the timeline", why, "ctrl+r"))

    # -- the lease -----------------------------------------------------------------------------------

    def _beat(self) -> None:
        if self.case is not None and self.host.desk is not None and self.holding:
            self.renew(self.case)

    @work(group="lease", name="renew the lease", exclusive=True, exit_on_error=False)
    async def renew(self, case: int) -> None:
        """Renew the lease; losing it is said plainly."""
        until = await self.desk.heartbeat(case)
        if case == self.case:
            self.held_until = until
            self._write_case_line()

    # -- writing -------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Count down: the deadline, cool-downs, the recall of a mail, revealed fields."""
        super().tick()
        if self not in self.app.screen_stack or self.view is None:
            return
        now, mono = self.host.clock.now(), self.host.clock.monotonic()
        gone = [field for field, (_, until) in self.revealed.items() if until <= mono]
        for field in gone:
            del self.revealed[field]
        if gone or self.revealed:
            self.write_card()
        self._write_case_line()
        self.asked.tick(now)
        if any(mail.state == "queued" for mail in self.thread):
            self.mail.show(self.thread, self.zone, now)
            self.show_keys()

    def _write_all(self) -> None:
        self._write_case_line()
        self.write_timeline_title()
        self.write_card()
        self._write_papers()
        self.write_detail()

    def _write_case_line(self) -> None:
        self.ref_line.update(plain(*self._case_parts()), layout=False)

    def _case_parts(self) -> list[Part]:
        view, row = self.view, self.row
        if view is None:
            return [(" no case is open", "quiet")]
        parts: list[Part] = [(f" {group4(view.account.id)}", "strong")]
        if row is None:
            return [*parts, (" · opened without a case: to read, not to write", "quiet"), *self._view_clock(view)]
        parts += [(" · ", "quiet"), (row.ref, "strong"), f" {row.kind}"]
        if row.due_at is not None:
            rest = row.due_at - self.host.clock.now()
            parts += [
                (" · ", "quiet"),
                (f"◷ {left(rest)} left" if rest.total_seconds() > 0 else f"‼ {left(rest)}", "time"),
            ]
        if self.lost:
            return [*parts, (" · ✗ NO LONGER YOURS", "strong")]
        until = f" until {self.held_until:%H:%MZ}" if self.held_until else ""
        holder = f"held by me{until}" if self.holding else f"held by {row.holder_name or row.holder or 'nobody'}"
        parts.append((f" · {holder}", "quiet"))
        if view.procedure is not None:
            done = sum(step.done_at is not None for step in view.procedure.steps)
            parts += [(" · procedure ", "quiet"), f"v{view.procedure.version} {done}/{len(view.procedure.steps)}"]
        return parts

    def _view_clock(self, view: AccountView) -> list[Part]:
        """Return how long an account that was opened for a reason may be looked at."""
        if view.view_until is None:
            return []
        rest = (view.view_until - self.host.clock.now()).total_seconds()
        if rest <= 0:
            return [(" · ✗ over: ctrl+p opens it again, for a reason", "strong")]
        return [(f" · ◷ {countdown(rest)} left", "time")]

    @on(TimelinePane.Changed)
    def write_timeline_title(self) -> None:
        """Say how many events there are, how many are shown, and what they are sorted by."""
        box, pane = self.query_one("#timeline-box", Box), self.timeline
        total, shown = pane.total, pane.shown
        count = f"{shown:,} of {total:,} events" if pane.query_in_force else f"{total:,} events"
        by, _ = pane.order
        sorted_by = "" if pane.order == NEWEST else f" · by {'time, oldest first' if by == NEWEST[0] else by}"
        box.border_title = plain("timeline ", (count, "quiet"), (sorted_by, "accent"))
        box.words = (f"times: {self.zone.word}", "quiet")

    def write_card(self) -> None:
        """Write the account's card, in the box and in the tab that replaces it where the room is short."""
        for card in self.query(AccountCard):
            if self.view is None:
                card.write(empty.empty("No account is open.", "n takes the next case.").content())
            else:
                mono = self.host.clock.monotonic()
                card.show(
                    self.view, self.zone, {f: (value, until - mono) for f, (value, until) in self.revealed.items()}
                )

    def _write_papers(self) -> None:
        now = self.host.clock.now()
        self.mail.show(self.thread, self.zone, now)
        self.steps.show(self.view.procedure if self.view else None, self.zone)
        pins = self.view.pins if self.view else ()
        self.packet_pane.show(self.packet or Packet(case_id=0), self.zone)
        self.claims.show(self.findings.claims, pins, self.zone)
        self.show_notes_on_events()
        self._write_standing()
        self._write_related()
        self.notes.show(self.view.notes if self.view else (), self.zone)
        self.asked.show(self.requests, self.zone, now)
        self._write_tabs()

    def _write_standing(self) -> None:
        raise NotImplementedError

    def _write_related(self) -> None:
        raise NotImplementedError

    def show_notes_on_events(self) -> None:
        """Sign the events that have a note, and write what is said of the one under the cursor."""
        self.timeline.set_notes(self.findings.notes)
        self.write_detail()

    def _write_tabs(self) -> None:
        steps = self.view.procedure.steps if self.view and self.view.procedure else ()
        counts = {
            "mail": len(self.thread) or "",
            "procedure": f"{sum(s.done_at is not None for s in steps)}/{len(steps)}" if steps else "",
            "packet": f"□{len(self.packet.missing)}" if self.packet and self.packet.missing else "",
            "claims": len(self.findings.claims) or "",
            "notes": len(self.view.notes) if self.view and self.view.notes else "",
            "related": len(self.related.accounts) if self.related else "",
            "standing": self.standing.live if self.left else "",
            "requests": len(self.requests) or "",
        }
        names = TABS if self.size.width >= 100 else ("account", *TABS)
        self.tabs.tabs = tuple((tab, SHOWN_AS.get(tab, tab), str(counts.get(tab, ""))) for tab in names)
        if self.tabs.active not in names:
            self.show_tab("event")

    def show_tab(self, tab: str) -> None:
        """Show one of the panes; a focus that was in another one goes with it."""
        inside = self.focused is not None and self.panes in self.focused.ancestors
        self.tabs.active = tab
        self.panes.current = tab
        if inside:
            self.focus_pane()

    def focus_pane(self) -> None:
        """Put the focus into the pane that is seen."""
        pane = self.panes.query_one(f"#{self.panes.current}")
        (pane.ledger if isinstance(pane, RequestsPane | TwoParts) else pane).focus()

    def on_resize(self) -> None:
        """Name the tabs that the width has room for."""
        self._write_tabs()

    @on(Ledger.Moved, "#events")
    def cursor_moved(self) -> None:
        """Write the event under the cursor once the cursor rests."""
        if self._detail_soon is None:
            self._detail_soon = self.set_timer(DETAIL_S, self.write_detail)

    def pin_of(self, event: Event) -> Pin | None:
        """Return the pin that keeps the event, if there is one."""
        pins = self.view.pins if self.view else ()
        return next((pin for pin in pins if (pin.source, pin.event_id) == (event.source, event.id)), None)

    def write_detail(self) -> None:
        """Write the event, the fold or the gap under the cursor."""
        self._detail_soon = None
        ledger = self.timeline.ledger
        row, event = ledger.row(), self.timeline.whole()
        marks = ledger.marks.get(row.key, ()) if isinstance(row, EventRow) else ()
        pin = self.pin_of(event) if event else None
        seen = event if event is not None else row
        self.detail.show(seen, zone=self.zone, labels=ledger.labels, marks=marks, pin=pin, findings=self.findings)
        self.show_keys()
