"""The queue: what waits for me, in an order that explains itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import ClassVar

from textual import getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input

from workstation.screens.base import DeskScreen
from workstation.services.errors import Refused
from workstation.services.views import CaseRow, QueueView
from workstation.widgets import empty
from workstation.widgets.box import Box
from workstation.widgets.case_row import QueueLedger, preview
from workstation.widgets.ledger import Ledger
from workstation.widgets.pane import Pane
from workstation.widgets.prose import plain

#: Rows read together with the order, so that the first screen needs no second question.
FIRST = 64


class QueueBody(Box):
    """The list in its box with the search above it."""

    def compose(self) -> ComposeResult:
        """Lay search over list."""
        yield Input(placeholder="words to look for in the rows that were read; Enter keeps, Esc drops", id="search")
        yield QueueLedger(id="cases")


class QueueScreen(DeskScreen):
    """Cases in their order. New arrivals wait behind a word and never move the cursor."""

    CSS_PATH = "queue.tcss"
    PLACE = "1"
    READS = ("queue", "rows", "arrivals")
    AUTO_FOCUS = "#cases"
    HELP = "Cases in the order in which they should be worked: deadline, risk, funds, your languages, waiting time."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "next", "Next", id="queue.next", tooltip="Take the top case that you may take, and open it"),
        Binding("slash", "search", "Search", key_display="/", id="queue.search", tooltip="Look in the rows shown"),
        Binding("s", "snooze", "Snooze", id="queue.snooze", tooltip="Put the case aside until a time, with a reason"),
        Binding("g", "show_new", "Show new", id="queue.show-new", tooltip="Read the order again, with what is new"),
        Binding("r,ctrl+r", "refresh", "Read again", show=False, id="queue.refresh", tooltip="Read the queue again"),
        Binding(
            "escape", "drop", "Drop search", show=False, id="queue.drop", tooltip="Stop reading, or drop the search"
        ),
    ]

    ledger = getters.query_one("#cases", QueueLedger)
    preview_box = getters.query_one("#preview", Box)
    preview_pane = getters.query_one("#preview Pane", Pane)
    box = getters.query_one("#queue", QueueBody)
    search = getters.query_one("#search", Input)

    def __init__(self) -> None:
        super().__init__()
        self.view: QueueView | None = None
        self.new = 0

    def compose_body(self) -> Iterable[Widget]:
        """Yield the list and, under or beside it, the case under the cursor."""
        body = Vertical(QueueBody(id="queue", classes="box"), Box(Pane(), id="preview", classes="box"), id="body")
        yield body

    def on_mount(self) -> None:
        """Name the boxes."""
        super().on_mount()
        self.box.border_title = plain("Queue")

    # -- reading -------------------------------------------------------------------------------------

    def arrive(self) -> None:
        """Read the queue of whoever signed in."""
        person = self.desk.person
        self.ledger.me = person.login
        if self.host.banner:
            self.say(self.host.banner)
        self.read()

    @property
    def case_in_hand(self) -> int | None:
        """The case under the cursor."""
        return self.ledger.cursor

    def copyable(self) -> Iterable[tuple[str, str]]:
        """Yield what names the case under the cursor."""
        row = self.ledger.row()
        return (("case", row.ref), ("account", row.account)) if row is not None else ()

    def forget(self) -> None:
        """Show nothing of the person before."""
        self.view, self.new = None, 0
        self.search.value = ""
        self.wait_word("")
        self.ledger.put_away()
        self.ledger.say(empty.loading("the queue"))
        self.preview_pane.write(plain(""))

    def starting(self, word: str) -> None:
        """Show how far the desk is from being there."""
        if self.view is None:
            self.ledger.say(empty.starting(word))

    @work(group="queue", name="read the queue", exclusive=True, exit_on_error=False)
    async def read(self) -> None:
        """Read the order and the first rows; the cursor stays on its case."""
        if self.view is None:
            self.ledger.say(empty.loading("the queue"))
        desk = self.desk
        view = await desk.queue()
        near = view.ids[max(0, self.ledger.place - FIRST) : self.ledger.place + FIRST]
        rows = await desk.case_rows(near)
        if desk is not self.host.desk:
            return
        self.host.link = "live"
        self.view, self.new = view, 0
        self.ledger.now = self.host.clock.now()
        self.ledger.put({row.id: row for row in rows})
        self._order()
        self.wait_word("")
        self._title()

    def failed(self, group: str, error: BaseException) -> None:
        """Show why there is no queue, or how old the one is that is shown."""
        super().failed(group, error)
        if group == "rows":
            self.ledger.want_again()
        if group != "queue":
            return
        word = str(error)
        if self.view is None:
            refused = isinstance(error, Refused)
            self.ledger.say(empty.forbidden("the queue", word) if refused else empty.failed("the queue", word))
        else:
            since = f"{self.view.read_at:%H:%M:%SZ}"
            self.box.words = (empty.stale("the queue", since).what, "time")

    @on(Ledger.Wanted, "#cases")
    def window_wanted(self, event: Ledger.Wanted) -> None:
        """Read the rows that came into sight."""
        self._read_rows(event.keys)

    @work(group="rows", name="read rows", exit_on_error=False)
    async def _read_rows(self, keys: tuple[int, ...]) -> None:
        desk = self.desk
        rows = await desk.case_rows(keys)
        if desk is self.host.desk:
            found = {row.id: row for row in rows}
            self.ledger.put(found, gone=frozenset(keys) - found.keys())
            if self.ledger.cursor in found:
                self._preview()

    def changed(self, word: str) -> None:
        """Count what is new and read the rows in sight again; the order stays."""
        if word == "cases" and self.view is not None:
            self._count_new(self.view)
            self._read_rows(tuple(self.ledger.in_sight()))

    @work(group="arrivals", name="count arrivals", exclusive=True, exit_on_error=False)
    async def _count_new(self, view: QueueView) -> None:
        new = await self.desk.arrivals(view)
        if view is self.view:
            self.new = new
            self.wait_word(f"{new} new, press g" if new else "")
            self.show_keys()

    def on_screen_resume(self) -> None:
        """Read the rows in sight again: I may have taken one of them."""
        super().on_screen_resume()
        if self.view is not None and self.host.desk is not None:
            self.changed("cases")

    def tick(self) -> None:
        """Count the deadlines down, once a minute."""
        super().tick()
        now = self.host.clock.now()
        if self.ledger.now is None or now - self.ledger.now >= timedelta(minutes=1):
            self.ledger.now = now
            self.ledger.redraw()

    # -- showing -------------------------------------------------------------------------------------

    def _order(self) -> None:
        """Show the order that was read, or what the search leaves of it."""
        if self.view is None:
            return
        words = self.search.value.lower().split()
        ids = self.view.ids
        if words:
            kept = [key for key in ids if (row := self.ledger.loaded.get(key)) and _matches(row, words)]
            if kept:
                self.ledger.show(tuple(kept))
            else:
                self.ledger.say(empty.empty("No row that was read holds these words.", "Esc drops the search."))
        elif ids:
            self.ledger.show(ids)
        else:
            self.ledger.say(empty.empty("No case waits for you.", "New ones show up here; 3 opens the escalations."))
        found = len(self.ledger.keys)
        loaded = min(len(self.ledger.loaded), len(ids))
        self.box.words = (f"{found:,} of {loaded:,} rows read, {len(ids):,} in all" if words else "", "")
        self._preview()

    def _title(self) -> None:
        view = self.view
        if view is not None:
            self.box.border_title = plain(
                ("Mine ", "quiet"), f"{view.mine:,}", (" · Unassigned ", "quiet"), f"{view.unassigned:,}",
                (" · Waiting ", "quiet"), f"{view.waiting:,}",
                (" · Breaching ", "quiet"), (f"{view.breaching:,}", "time" if view.breaching else ""),
            )  # fmt: skip

    @on(Ledger.Moved, "#cases")
    def cursor_moved(self) -> None:
        """Show the case under the cursor."""
        self._preview()
        self.show_keys()

    def _preview(self) -> None:
        row = self.ledger.row()
        self.preview_box.border_title = plain(row.ref if row else "")
        self.preview_pane.write(preview(row, self.host.clock.now()) if row else plain(""), top=True)

    # -- keys ----------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done now."""
        if action in ("next", "show_new", "refresh") and self.host.desk is None:
            return None
        if action == "show_new":
            return True if self.new else None
        if action in ("snooze", "search"):
            return True if self.view is not None and (self.ledger.keys or self.search.value) else None
        return True

    def action_next(self) -> None:
        """Take the next case, once."""
        if not self.busy("take"):
            self._next()

    @work(group="take", name="take the next case", exit_on_error=False)
    async def _next(self) -> None:
        with self.waiting("Taking the next case"):
            row = await self.desk.claim_next()
        if row is None:
            self.say("· Nothing waits that you may take. r reads the queue again.")
        else:
            await self.host.show_case(row.id)

    @on(Ledger.Opened, "#cases")
    def open_row(self, event: Ledger.Opened) -> None:
        """Open the case that was shown in the row."""
        row = self.ledger.row()
        if row is not None and row.id == event.key and not self.busy("take"):
            self._open(row)

    @work(group="take", name="open a case", exit_on_error=False)
    async def _open(self, row: CaseRow) -> None:
        """Take the case and open it."""
        from workstation.screens.flows import take_case

        await take_case(self, row)

    def action_show_new(self) -> None:
        """Read the order again; the cursor stays on its case."""
        self.read()

    def action_refresh(self) -> None:
        """Read the order again."""
        self.read()

    def action_search(self) -> None:
        """Type words to look for."""
        self.box.add_class("-searching")
        self.search.focus()

    @on(Input.Changed, "#search")
    def search_changed(self) -> None:
        """Look while it is typed."""
        self._order()

    @on(Input.Submitted, "#search")
    def search_kept(self) -> None:
        """Keep what was found and go to the list."""
        self.ledger.focus()

    def action_drop(self) -> None:
        """Stop reading where that is going on, else drop the search."""
        if any(worker.group == "queue" and worker.is_running for worker in self.workers):
            self.workers.cancel_group(self, "queue")
            self.say("Reading was stopped. r reads the queue again.")
        self.ledger.focus()
        self.box.remove_class("-searching")
        self.search.value = ""

    def action_snooze(self) -> None:
        """Put the case under the cursor aside."""
        row = self.ledger.row()
        if row is not None:
            self._snooze(row)

    @work(group="flow", name="snooze", exit_on_error=False)
    async def _snooze(self, row: CaseRow) -> None:
        from workstation.screens.dialogs.snooze import SnoozeDialog

        chosen = await self.ask(SnoozeDialog(row.ref, self.host.clock.now()))
        if chosen is not None:
            await self.desk.snooze(row.id, chosen.until, chosen.reason)
            self.say(f"{row.ref} comes back {chosen.until:%Y-%m-%d %H:%MZ}: {chosen.reason}")
            self._read_rows((row.id,))


def _matches(row: CaseRow, words: list[str]) -> bool:
    text = " ".join(
        (row.ref, row.kind, row.account, row.language, row.subject, row.excerpt, row.holder_name, row.status, *row.why)
    ).lower()
    return all(word in text for word in words)
