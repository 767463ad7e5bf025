"""The audit: who did what, newest first, reads and refusals included."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import getters, on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget

from workstation.screens.base import DeskScreen
from workstation.services.errors import Refused
from workstation.services.views import AuditRow
from workstation.widgets import empty
from workstation.widgets.audit import AuditLedger, audit_key, record
from workstation.widgets.box import Box
from workstation.widgets.ledger import Ledger
from workstation.widgets.pane import Pane
from workstation.widgets.prose import plain

PAGE = 200


class AuditScreen(DeskScreen):
    """Records as they were written. Nothing here can be changed, by anybody."""

    CSS_PATH = "audit.tcss"
    PLACE = "6"
    READS = ("audit",)
    AUTO_FOCUS = "#records"
    HELP = "The audit. Reading it is recorded too. `workstation audit verify` proves that nothing was changed."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r,ctrl+r", "refresh", "Read again", id="audit.refresh", tooltip="Read the newest records"),
        Binding("m", "more", "Older", id="audit.more", tooltip="Read older records below these"),
    ]

    ledger = getters.query_one("#records", AuditLedger)
    pane = getters.query_one("#record", Pane)

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[AuditRow, ...] = ()

    def compose_body(self) -> Iterable[Widget]:
        """Yield the list and the record under the cursor."""
        yield Vertical(
            Box(AuditLedger(id="records"), id="list", classes="box"),
            Box(Pane(id="record"), id="whole", classes="box"),
            id="body",
        )

    def on_mount(self) -> None:
        """Name the boxes."""
        super().on_mount()
        self.query_one("#list").border_title = plain("Audit")
        self.query_one("#whole").border_title = plain("record")

    def arrive(self) -> None:
        """Read the newest."""
        self.read(())

    def copyable(self) -> Iterable[tuple[str, str]]:
        """Yield what names the record under the cursor."""
        row = self.ledger.row()
        return (("record", f"{row.chain}/{row.seq}"), ("hash", row.hash), ("object", row.object)) if row else ()

    def forget(self) -> None:
        """Show nothing of the person before."""
        self.rows = ()
        self.ledger.say(empty.loading("the audit"))
        self.pane.write(plain(""))

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

    @on(Ledger.Moved, "#records")
    def moved(self) -> None:
        """Show the record under the cursor."""
        row = self.ledger.row()
        if row is not None:
            self.pane.write(record(row), top=True)

    @on(Ledger.Opened, "#records")
    def opened(self) -> None:
        """Let the keys scroll the record."""
        self.pane.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Older records only below some."""
        if self.host.desk is None:
            return None
        return (bool(self.rows) or None) if action == "more" else True

    def action_refresh(self) -> None:
        """Read the newest."""
        self.read(())

    def action_more(self) -> None:
        """Read older ones."""
        self.read(self.rows)
