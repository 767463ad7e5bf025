"""The account screen's data: what is open, how it is read and kept fresh."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from textual import work

from workstation.screens.account_panes import AccountPanes
from workstation.services.errors import Refused
from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.source import ALL
from workstation.services.views import AccountView, Findings
from workstation.widgets import empty
from workstation.widgets.prose import plain
from workstation.widgets.times import ZULU, client_zone, my_zone

#: Seconds between two renewals of the lease; a third of the three minutes that the shortest lease lasts.
HEARTBEAT_S = 60.0
#: Seconds for which a revealed field may be read.
REVEAL_S = 60.0
NO_CASE = empty.empty("No case is open.", "n takes the next one; 1 goes to the queue.")


class AccountBase(AccountPanes):
    """Everything of the account screen but its keys."""

    PLACE: ClassVar[str] = "2"
    READS = ("case", "timeline", "papers", "lease", "standing", "related")
    AUTO_FOCUS = "#events"

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
    async def read_timeline(self, account: str, query: Query = ALL.query) -> None:
        """Show the timeline as it comes, and go on with what is new, for as long as the account is open.

        With a `query` it is what the stores have of that, however far back.
        """
        timeline = await self.desk.timeline(account, query=query)
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
