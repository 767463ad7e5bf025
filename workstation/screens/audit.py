"""The audit: who did what, newest first, reads and refusals included; for leads also what must be seen and judged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import getters, on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from workstation.screens import flows
from workstation.screens.base import DeskScreen
from workstation.services.errors import Refused
from workstation.services.text import group4
from workstation.services.views import Alert, AuditRow, Review
from workstation.widgets import empty
from workstation.widgets.audit import AuditLedger, audit_key, record
from workstation.widgets.box import Box
from workstation.widgets.ledger import Ledger
from workstation.widgets.oversight import AlertLedger, LookLedger, ReviewLedger, alert_whole, look_whole, review_whole
from workstation.widgets.pane import Pane
from workstation.widgets.prose import plain
from workstation.widgets.tab_line import TabLine

PAGE = 200
TABS = ("records", "alerts", "reviews", "looks")


class AuditScreen(DeskScreen):
    """Records as they were written. Nothing here can be changed, by anybody."""

    CSS_PATH = "audit.tcss"
    PLACE = "6"
    READS = ("audit", "oversight")
    AUTO_FOCUS = "#records"
    HELP = "The audit. Reading it is recorded too. `workstation audit verify` proves that nothing was changed."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r,ctrl+r", "refresh", "Read again", id="audit.refresh", tooltip="Read the newest records"),
        Binding(
            "w", "who_looked", "Who looked", id="audit.who-looked", tooltip="Who looked at an account, when and why"
        ),
        Binding("m", "more", "Older", id="audit.more", tooltip="Read older records below these"),
        Binding(
            "left,left_square_bracket",
            "tab(-1)",
            "Pane before",
            show=False,
            id="audit.tab-before",
            tooltip="Records, alerts, reviews, looks",
        ),
        Binding(
            "right,right_square_bracket",
            "tab(1)",
            "Next pane",
            show=False,
            id="audit.tab-next",
            tooltip="Records, alerts, reviews, looks",
        ),
        Binding("escape", "list", "List", show=False, id="audit.list", tooltip="Back to the list"),
    ]

    ledger = getters.query_one("#records", AuditLedger)
    alerts = getters.query_one("#alerts", AlertLedger)
    reviews = getters.query_one("#reviews", ReviewLedger)
    looks = getters.query_one("#looks", LookLedger)
    panes = getters.query_one("#panes", ContentSwitcher)
    tabs = getters.query_one("#tabs", TabLine)
    pane = getters.query_one("#record", Pane)

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[AuditRow, ...] = ()

    def compose_body(self) -> Iterable[Widget]:
        """Yield the lists and the whole of what is under the cursor."""
        lists = (
            AuditLedger(id="records"),
            AlertLedger(id="alerts"),
            ReviewLedger(id="reviews"),
            LookLedger(id="looks"),
        )
        switcher = ContentSwitcher(*lists, initial="records", id="panes")
        yield Vertical(
            Box(TabLine(id="tabs"), switcher, id="list", classes="box"),
            Box(Pane(id="record"), id="whole", classes="box"),
            id="body",
        )

    def on_mount(self) -> None:
        """Name the boxes."""
        super().on_mount()
        self.query_one("#list").border_title = plain("Audit")
        self.query_one("#whole").border_title = plain("record")
        self.tabs.active = "records"
        self._write_tabs()

    @property
    def overseer(self) -> bool:
        """Whether whoever is signed in watches over others."""
        return self.host.desk is not None and self.host.desk.person.role in ("lead", "auditor")

    # -- reading -------------------------------------------------------------------------------------

    def arrive(self) -> None:
        """Read the newest."""
        self.read(())
        self.oversee()

    def copyable(self) -> Iterable[tuple[str, str]]:
        """Yield what names the record under the cursor."""
        row = self.ledger.row()
        return (("record", f"{row.chain}/{row.seq}"), ("hash", row.hash), ("object", row.object)) if row else ()

    def forget(self) -> None:
        """Show nothing of the person before."""
        self.rows = ()
        self.looks.say(empty.empty("No account is asked for.", "w asks who looked at one."))
        for ledger in (self.ledger, self.alerts, self.reviews):
            ledger.put_away()
        self.ledger.say(empty.loading("the audit"))
        self.pane.write(plain(""))
        self.show_tab("records")

    @work(group="audit", name="read the audit", exclusive=True, exit_on_error=False)
    async def read(self, before: tuple[AuditRow, ...]) -> None:
        """Read a page: the newest, or what is older than the last of `before`."""
        desk = self.desk
        page = await desk.audit(before[-1].at if before else None, PAGE)
        if desk is not self.host.desk:
            return
        known = {audit_key(row) for row in before}
        self.rows = (*before, *(row for row in page if audit_key(row) not in known))
        if self.rows:
            self.ledger.show(tuple(audit_key(row) for row in self.rows), {audit_key(row): row for row in self.rows})
        else:
            self.ledger.say(empty.empty("No record that you may see.", "r reads again."))
        self.query_one("#list").border_title = plain("Audit ", (f"{len(self.rows):,} records, newest first", "quiet"))

    @work(group="oversight", name="read alerts and reviews", exclusive=True, exit_on_error=False)
    async def oversee(self) -> None:
        """Read what must be seen and judged; only leads and auditors do."""
        if not self.overseer:
            blank = empty.forbidden("this", "Leads and auditors watch over alerts and broken glass.")
            self.alerts.say(blank)
            self.reviews.say(blank)
            self._write_tabs()
            return
        desk = self.desk
        alerts, reviews = await desk.alerts(), await desk.reviews_due()
        if desk is not self.host.desk:
            return
        self.reviews.now = self.host.clock.now()
        self._fill(self.alerts, {one.id: one for one in alerts}, "No alert waits to be seen.")
        self._fill(self.reviews, {one.id: one for one in reviews}, "No broken glass waits to be judged.")
        self.host.show_count("6", len(alerts) + len(reviews))
        self._write_tabs()
        self.moved()

    def _fill(self, ledger: AlertLedger | ReviewLedger, rows: dict[int, Alert] | dict[int, Review], none: str) -> None:
        if rows:
            ledger.show(tuple(rows), rows)  # type: ignore[arg-type]
        else:
            ledger.say(empty.empty(none, "It is shown here, and counted beside 6, when one comes."))

    def changed(self, word: str) -> None:
        """Read again what must be seen."""
        if self.overseer:
            self.oversee()

    def failed(self, group: str, error: BaseException) -> None:
        """Say why there are no records, or that these may be old."""
        super().failed(group, error)
        if group == "audit" and not self.rows:
            refused = isinstance(error, Refused)
            self.ledger.say(
                empty.forbidden("the audit", str(error)) if refused else empty.failed("the audit", str(error))
            )
        elif group == "audit":
            since = f"{self.rows[0].at:%H:%M:%SZ}"
            self.query_one("#list", Box).words = (empty.stale("the audit", since).what, "time")

    # -- showing -------------------------------------------------------------------------------------

    @on(Ledger.Moved)
    def moved(self) -> None:
        """Show what is under the cursor of the list that is seen."""
        whole = self._whole()
        self.pane.write(whole if whole is not None else plain(""), top=True)

    def _whole(self) -> Content | None:
        now = self.host.clock.now()
        match self.panes.current:
            case "alerts":
                alert = self.alerts.row()
                return alert_whole(alert, now) if alert else None
            case "reviews":
                review = self.reviews.row()
                return review_whole(review, now) if review else None
            case "looks":
                look = self.looks.row()
                return look_whole(look) if look else None
        row = self.ledger.row()
        return record(row) if row else None

    def _write_tabs(self) -> None:
        counts = {"alerts": len(self.alerts.keys), "reviews": len(self.reviews.keys), "looks": len(self.looks.keys)}
        self.tabs.tabs = tuple((tab, tab, str(counts.get(tab) or "")) for tab in TABS)

    def show_tab(self, tab: str) -> None:
        """Show one of the lists, with the focus in it."""
        self.tabs.active = self.panes.current = tab
        self.panes.query_one(f"#{tab}").focus()
        self.query_one("#whole").border_title = plain(tab.removesuffix("s"))
        self.moved()
        self.show_keys()

    # -- keys ----------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Older records only below some."""
        if self.host.desk is None:
            return None
        if action == "who_looked":
            return self.overseer or None
        return (bool(self.rows and self.panes.current == "records") or None) if action == "more" else True

    @on(Ledger.Opened, "#records")
    def opened(self) -> None:
        """Let the keys scroll the record."""
        self.pane.focus()

    @on(Ledger.Opened, "#alerts")
    def alert_opened(self, event: Ledger.Opened) -> None:
        """Take note of the alert that was shown there."""
        self._see(int(event.key))

    @work(group="flow", name="take note of an alert", exit_on_error=False)
    async def _see(self, alert: int) -> None:
        row = self.alerts.row(alert)
        if row is not None and await flows.see_alert(self, row):
            self.oversee()

    @on(Ledger.Opened, "#reviews")
    def review_opened(self, event: Ledger.Opened) -> None:
        """Judge what was shown there."""
        self._judge(int(event.key))

    @work(group="flow", name="judge broken glass", exit_on_error=False)
    async def _judge(self, review: int) -> None:
        row = self.reviews.row(review)
        if row is not None and await flows.judge(self, row):
            self.oversee()

    @work(group="flow", name="who looked at an account", exit_on_error=False)
    async def action_who_looked(self) -> None:
        """Ask for an account, and show who looked at it."""
        from workstation.screens.dialogs.reason import ReasonDialog

        ask = "Its id, in one piece or in groups. That you asked is on record."
        typed = await self.ask(ReasonDialog("Who looked at an account?", ask, yes="Show", shortest=4, label="account"))
        if not typed:
            return
        account = "".join(typed.split()).upper()
        self.show_tab("looks")
        with self.waiting(f"Reading who looked at {group4(account)}"):
            found = {look.id: look for look in await self.desk.views_of(account)}
        if found:
            self.looks.show(tuple(found), found)
        else:
            self.looks.say(empty.empty(f"Nobody has looked at {group4(account)}.", "w asks for another one."))
        self.query_one("#list", Box).words = (f"who looked at {group4(account)}", "")
        self._write_tabs()
        self.moved()

    @on(Ledger.Opened, "#looks")
    def look_opened(self) -> None:
        """Let the keys scroll what was looked at."""
        self.pane.focus()

    def action_refresh(self) -> None:
        """Read the newest."""
        self.read(())
        self.oversee()

    def action_more(self) -> None:
        """Read older ones."""
        self.read(self.rows)

    def action_tab(self, by: int) -> None:
        """Show the list before or after."""
        self.show_tab(TABS[(TABS.index(self.tabs.active) + by) % len(TABS)])

    def action_list(self) -> None:
        """Go back to the list."""
        self.panes.query_one(f"#{self.panes.current}").focus()

    @on(TabLine.Picked)
    def tab_picked(self, event: TabLine.Picked) -> None:
        """Show the list that was clicked."""
        self.show_tab(event.tab)
