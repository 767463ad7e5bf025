"""Escalations: packets that moved up to me, and requests that wait for a second person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import getters, on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from workstation.screens import flows
from workstation.screens.base import DeskScreen
from workstation.screens.dialogs.refused import RefusedDialog
from workstation.services.errors import Refused
from workstation.services.views import Claim, EscalationRow, EscalationView, Request
from workstation.widgets import empty
from workstation.widgets.box import Box
from workstation.widgets.escalation_row import EscalationLedger, glance
from workstation.widgets.ledger import Ledger
from workstation.widgets.packet import EscalationPane, act_words
from workstation.widgets.prose import plain
from workstation.widgets.requests import RequestsPane, to_approve
from workstation.widgets.standing import why_nots
from workstation.widgets.tab_line import TabLine
from workstation.widgets.times import ZULU

#: What can only be done to the packet that is open.
ON_PACKET = {"approve_packet", "return_packet", "take_over"}


class EscalationsScreen(DeskScreen):
    """Packets. What has changed since a packet was forwarded comes first."""

    CSS_PATH = "escalations.tcss"
    PLACE = "3"
    READS = ("escalations", "requests")
    AUTO_FOCUS = "#escalations"
    HELP = "Enter opens a packet. The capital keys work on the packet that is open, y and V on a waiting request."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "A", "approve_packet", "Arm the act", id="escalations.approve", tooltip="Arm the act that it recommends"
        ),
        Binding("R", "return_packet", "Return", id="escalations.return", tooltip="Give it back with a note"),
        Binding("T", "take_over", "Take over", id="escalations.take-over", tooltip="Take the case as yours"),
        Binding(
            "y", "approve_request", "Approve", id="escalations.approve-request", tooltip="Approve a waiting request"
        ),
        Binding(
            "V", "veto", "Veto", show=False, id="escalations.veto", tooltip="Stop a request that was not executed yet"
        ),
        Binding(
            "r,ctrl+r", "refresh", "Read again", show=False, id="escalations.refresh", tooltip="Read the list again"
        ),
        Binding(
            "left,left_square_bracket", "tab", "Pane", show=False, id="escalations.tab-before", tooltip="Packet or acts"
        ),
        Binding(
            "right,right_square_bracket", "tab", "Pane", show=False, id="escalations.tab-next", tooltip="Packet or acts"
        ),
        Binding("escape", "list", "List", show=False, id="escalations.list", tooltip="Back to the list"),
    ]

    ledger = getters.query_one("#escalations", EscalationLedger)
    packet = getters.query_one("#packet", EscalationPane)
    asked = getters.query_one("#requests", RequestsPane)
    tabs = getters.query_one("#tabs", TabLine)
    panes = getters.query_one("#panes", ContentSwitcher)

    def __init__(self) -> None:
        super().__init__()
        self.opened: EscalationView | None = None
        self.claims: Sequence[Claim] = ()
        self.rows: dict[int, EscalationRow] = {}

    def compose_body(self) -> Iterable[Widget]:
        """Yield the list and the packet."""
        panes = ContentSwitcher(EscalationPane(id="packet"), RequestsPane(id="requests"), initial="packet", id="panes")
        yield Vertical(
            Box(EscalationLedger(id="escalations"), id="list", classes="box"),
            Box(TabLine(id="tabs"), panes, id="whole", classes="box"),
            id="body",
        )

    def on_mount(self) -> None:
        """Name the boxes."""
        super().on_mount()
        self.query_one("#list").border_title = plain("Escalations")
        self.tabs.active = "packet"
        self._write()

    # -- reading -------------------------------------------------------------------------------------

    def arrive(self) -> None:
        """Read what waits for my level."""
        self.read()

    def forget(self) -> None:
        """Show nothing of the person before."""
        self.opened, self.rows, self.claims = None, {}, ()
        self.ledger.put_away()
        self.ledger.say(empty.loading("the escalations"))
        self._write()

    def copyable(self) -> Iterable[tuple[str, str]]:
        """Yield what names the packet and its requests."""
        row = self.ledger.row()
        if row is not None:
            yield from (("case", row.case.ref), ("account", row.case.account))
            yield from ((f"request hash {n}", one.request_hash.hex()) for n, one in enumerate(row.requests, 1))

    def come_back(self) -> None:
        """Read the list, and open the packet again that was open."""
        self.read()
        if self.opened is not None:
            self.open(self.opened.case.id)

    @property
    def case_in_hand(self) -> int | None:
        """The case of the packet under the cursor."""
        return self.ledger.cursor

    def changed(self, word: str) -> None:
        """Read the rows again; the cursor stays on its case."""
        if word in ("cases", "acts"):
            self.read()
            if self.opened is not None and word == "acts":
                self._read_requests(self.opened.case.id)

    @work(group="escalations", name="read the escalations", exclusive=True, exit_on_error=False)
    async def read(self) -> None:
        """Read the list."""
        desk = self.desk
        rows = await desk.escalations()
        if desk is not self.host.desk:
            return
        self.host.link = "live"
        self.rows = {row.case.id: row for row in rows}
        self.ledger.now = self.host.clock.now()
        if self.rows:
            self.ledger.show(tuple(self.rows), self.rows)
        else:
            self.ledger.say(empty.empty("Nothing waits for your level.", "Packets show up here; 1 goes to the queue."))
        waiting = sum(to_approve(r) for row in rows for r in row.requests)
        self.query_one("#list").border_title = plain(
            "Escalations ", (f"{len(rows)} packets · {waiting} to approve", "quiet")
        )
        self.query_one("#list", Box).words = ("", "")
        self._write()
        self.show_keys()

    def failed(self, group: str, error: BaseException) -> None:
        """Say why there is no list, or no packet."""
        super().failed(group, error)
        if group != "escalations":
            return
        if self.rows:
            self.query_one("#list", Box).words = (empty.stale("the list", "the last reading").what, "time")
        elif isinstance(error, Refused):
            self.ledger.say(empty.forbidden("escalations", str(error)))
        else:
            self.ledger.say(empty.failed("the escalations", str(error)))

    @on(Ledger.Opened, "#escalations")
    def open_row(self, event: Ledger.Opened) -> None:
        """Open the packet that was shown in the row."""
        self.open(int(event.key))

    @work(group="flow", name="open the packet", exit_on_error=False)
    async def open(self, case: int) -> None:
        """Open a packet: the sources are read again, and the difference comes first."""
        self.host.work_on(case)
        with self.opening("the packet; its sources are read again"):
            view = await self.desk.open_escalation(case)
            findings = await self.desk.findings(case)
        if self.ledger.cursor == case:
            self.opened, self.claims = view, findings.claims
            self._write()
            self.packet.focus()
            self.show_keys()

    @work(group="requests", name="read the requests", exclusive=True, exit_on_error=False)
    async def _read_requests(self, case: int) -> None:
        requests = await self.desk.requests(case)
        if self.opened is not None and self.opened.case.id == case:
            self.asked.show(requests, ZULU, self.host.clock.now())

    def tick(self) -> None:
        """Count cool-downs and deadlines down."""
        super().tick()
        now = self.host.clock.now()
        self.asked.tick(now)
        if self.ledger.now is not None and (now - self.ledger.now).total_seconds() >= 60:
            self.ledger.now = now
            self.ledger.redraw()

    # -- showing -------------------------------------------------------------------------------------

    @property
    def current(self) -> EscalationView | None:
        """The packet that is open, where it is the one under the cursor too."""
        return self.opened if self.opened is not None and self.opened.case.id == self.ledger.cursor else None

    def pending(self) -> list[Request]:
        """Return the requests that wait, of the row under the cursor."""
        view, row = self.current, self.ledger.row()
        requests = view.requests if view else (row.requests if row else ())
        return [request for request in requests if request.state == "pending"]

    @on(Ledger.Moved, "#escalations")
    def moved(self) -> None:
        """Show what is known of the row under the cursor."""
        self._write()
        self.show_keys()

    def _write(self) -> None:
        row, view, now = self.ledger.row(), self.current, self.host.clock.now()
        requests = view.requests if view else (row.requests if row else ())
        if view is not None:
            self.packet.show(view, claims=self.claims)
        elif row is not None:
            self.packet.write(glance(row, now), top=True)
        else:
            self.packet.write(empty.empty("No packet is open.", "Enter opens the one under the cursor.").content())
        self.asked.show(requests, ZULU, now)
        self.tabs.tabs = (("packet", "packet", ""), ("requests", "acts", str(len(requests) or "")))
        title = f"{row.case.ref} {row.case.kind}" if row else "packet"
        self.query_one("#whole").border_title = plain(title, ("  open" if view else "", "accent"))

    # -- keys ----------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done now."""
        if self.host.desk is None:
            return None
        if action in ON_PACKET:
            return self.current is not None or None
        if action == "approve_request":
            return any(map(to_approve, self.pending())) or None
        if action == "veto":
            return bool(self.pending()) or None
        return True

    @work(group="flow", name="arm the recommended act", exit_on_error=False)
    async def action_approve_packet(self) -> None:
        """Arm the act that the packet recommends."""
        view = self.current
        if view is None:
            return
        view = await self._held(view)
        blocked = [change.name for change in view.differences if change.blocks]
        option = next((option for option in view.options if option.act == view.packet.act), None)
        if blocked:
            self.say(
                f"✗ {', '.join(blocked)} moved since it was forwarded, and blocks. R returns it with a note.", "strong"
            )
        elif option is None:
            self.say("✗ The packet recommends no act. R returns it with a note.", "strong")
        elif not option.allowed:
            words = act_words(option.act, view.packet.params)
            await self.ask(RefusedDialog(words, why_nots(option), self.host.clock.now()))
        else:
            fixed = view.packet.params or None
            request = await flows.ask_for_act(self, view.case.id, view.account, option, view.packet.pins, fixed)
            if request is not None:
                self.show_tab("requests")
                self.open(view.case.id)

    async def _held(self, view: EscalationView) -> EscalationView:
        """Take over a case that nobody holds, where that is all that keeps its act from being asked for.

        An act is for whoever holds the case; of a packet that waits for a senior, that is part of saying yes.
        """
        option = next((option for option in view.options if option.act == view.packet.act), None)
        if option is None or {why.code for why in option.reasons} != {"not_holder"} or view.case.holder is not None:
            return view
        with self.waiting("Taking the case over"):
            await self.desk.take_over(view.case.id)
            view = await self.desk.open_escalation(view.case.id)
        if self.ledger.cursor == view.case.id:
            self.opened = view
            self._write()
        return view

    @work(group="flow", name="return the packet", exit_on_error=False)
    async def action_return_packet(self) -> None:
        """Give the packet back with a note."""
        from workstation.screens.dialogs.return_packet import ReturnDialog

        view = self.current
        if view is None:
            return
        with self.opening("the note"):
            draft = await self.desk.draft(view.case.id, "note")
        if await self.ask(ReturnDialog(view.case.id, view.case.ref, view.packet.by, draft)):
            self._gone(f"{view.case.ref} went back to {view.packet.by} with your note.")

    @work(group="flow", name="take the case over", exit_on_error=False)
    async def action_take_over(self) -> None:
        """Take the case as mine and open it."""
        view = self.current
        if view is not None:
            row = await self.desk.take_over(view.case.id)
            self._gone(f"{row.ref} is yours.")
            await self.host.show_case(row.id)

    def _gone(self, word: str) -> None:
        self.opened = None
        self.say(word, "accent")
        self.read()
        self.ledger.focus()

    @work(group="flow", name="approve a request", exit_on_error=False)
    async def action_approve_request(self) -> None:
        """Show what a waiting request covers, and approve it by a step-up."""
        waiting = [request for request in self.pending() if to_approve(request)]
        request = await flows.choose_request(self, waiting, "Approve which request?")
        if request is not None and await flows.approve(self, request) is not None:
            self.show_tab("requests")
            self.read()
            if self.opened is not None:
                self.open(self.opened.case.id)

    @work(group="flow", name="veto", exit_on_error=False)
    async def action_veto(self) -> None:
        """Stop a request that was not executed yet."""
        request = await flows.choose_request(self, self.pending(), "Veto which request?")
        if request is not None and await flows.veto(self, request):
            self.read()
            if self.opened is not None:
                self.open(self.opened.case.id)

    def action_refresh(self) -> None:
        """Read the list again."""
        self.read()

    def show_tab(self, tab: str) -> None:
        """Show the packet or the acts; a focus that was in the other one goes with it."""
        inside = self.focused is not None and self.panes in self.focused.ancestors
        self.tabs.active = tab
        self.panes.current = tab
        if inside:
            (self.packet if tab == "packet" else self.asked.ledger).focus()

    def action_tab(self) -> None:
        """Show the other pane."""
        self.show_tab("requests" if self.tabs.active == "packet" else "packet")

    def action_list(self) -> None:
        """Stop opening, else go back to the list."""
        if not self.stop_opening():
            self.ledger.focus()

    @on(TabLine.Picked)
    def tab_picked(self, event: TabLine.Picked) -> None:
        """Show the pane that was clicked."""
        self.show_tab(event.tab)
