"""The account screen's panes: what they are, and how what is known of the case is written into them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from textual import getters, on
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from workstation.screens.base import DeskScreen
from workstation.services.text import group4
from workstation.services.timeline.event import Event
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
from workstation.widgets.times import ZULU, Zone, countdown, left
from workstation.widgets.two_parts import TwoParts

#: Seconds that a burst of cursor moves may outrun the pane of the event, so that holding a key stays quick.
DETAIL_S = 0.04
TABS = ("event", "mail", "procedure", "packet", "claims", "notes", "related", "standing", "requests")
SHOWN_AS = {"procedure": "steps", "requests": "acts"}


class AccountPanes(DeskScreen):
    """The panes of the account screen, and what is written in them."""

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
            TimelinePane(self.host.clock, self.host.pace, id="timeline"),
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

    # -- what is known of it -------------------------------------------------------------------------

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
        asked = " · only what the stores were asked for" if pane.timeline and pane.timeline.asked else ""
        box.border_title = plain("timeline ", (count, "quiet"), (asked, "strong"), (sorted_by, "accent"))
        box.words = (f"times: {self.zone.word}", "quiet")
        # After the box, which has its new title drawn when it has nothing else to do.
        box.call_later(pane.answered)

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
