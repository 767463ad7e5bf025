"""The sources of the timeline: how each stands, why, and reading one of them on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Static

from workstation.screens.dialogs.base import Dialog
from workstation.services.timeline.source import SourceState
from workstation.services.views import SourceLine
from workstation.widgets import empty
from workstation.widgets.cells import Cell, Column
from workstation.widgets.ledger import Ledger
from workstation.widgets.prose import Prose
from workstation.widgets.source_states import SIGNS
from workstation.widgets.times import ZULU, Zone

if TYPE_CHECKING:
    from workstation.services.timeline.loading.timeline import Timeline

#: Seconds between two looks at how they stand.
LOOK_S = 0.5


class SourceList(Ledger[str, SourceLine]):
    """The sources by name."""

    HELP = "The sources. Enter reads the one under the cursor on from where it stopped."
    COLUMNS = (
        Column(key="name", title="source", width=12, keep=20, flex=True),
        Column(key="state", title="state", width=16, keep=19),
        Column(key="events", title="events", width=11, keep=18, right=True),
        Column(key="why", title="why", width=14, keep=10, flex=True),
    )

    def __init__(self) -> None:
        super().__init__(self.COLUMNS, empty.empty("No source is read.", "Esc leaves."), id="sources-list")

    def cells(self, row: SourceLine) -> Sequence[Cell]:
        """Return the cells of a source."""
        sign, tone = SIGNS[row.state]
        state = f"{sign} {row.state}" + (f" {row.percent} %" if row.percent is not None else "")
        if row.failed_at is not None:
            state += f" {row.failed_at:%H:%MZ}"
        return (Cell(row.name), Cell(state, tone), Cell(f"{row.events:,}"), Cell(row.why, "quiet"))


class SourcesDialog(Dialog[str]):
    """Shows the sources as they stand from moment to moment.

    Args:
        timeline: whose they are.
        zone: in which times are written.
    """

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "sources.tcss"]
    AUTO_FOCUS = "SourceList"
    KEYS = (("Enter", "read it on"), ("R", "all that stopped"), ("s", "stop reading"))
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R", "again", "Read on", show=False, id="sources.again", tooltip="Read on all that stopped"),
        Binding("s", "stop", "Stop", show=False, id="sources.stop", tooltip="Stop reading; what came stays"),
    ]

    def __init__(self, timeline: Timeline, zone: Zone = ZULU) -> None:
        super().__init__("Where the events come from")
        self.timeline, self.zone = timeline, zone

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the list, and where nothing came from the one under the cursor."""
        yield SourceList()
        yield Static(id="gaps")

    def on_mount(self) -> None:
        """Look again and again."""
        super().on_mount()
        self._look()
        self.set_interval(LOOK_S, self._look)

    @property
    def list(self) -> SourceList:
        """The list of sources."""
        return self.query_one(SourceList)

    def _look(self) -> None:
        rows = {line.name: line for line in self.timeline.lines}
        if rows != dict(self.list.loaded):
            self.list.show(tuple(rows), rows)
            self.list.styles.height = len(rows) + 1
        self._write()

    @on(Ledger.Moved)
    def _write(self) -> None:
        line = self.list.row()
        if line is None:
            return
        gaps = [gap for gap in self.timeline.gaps if gap.source == line.name]
        prose = Prose()
        for gap in gaps[:3]:
            since, until = self.zone.at_us(gap.since_us), self.zone.at_us(gap.until_us)
            prose.line(("gap ", "strong"), f"{since} – {until} {self.zone.word}")
            prose.line(("    ", ""), gap.why, (f"  {gap.hint}" if gap.hint else "", "quiet"))
        if len(gaps) > 3:
            prose.line((f"and {len(gaps) - 3} more gaps", "quiet"))
        if not gaps:
            prose.line((f"{line.name} gave everything that it has of this account.", "quiet"))
        self.query_one("#gaps", Static).update(prose.content())

    @on(Ledger.Opened)
    def read_on(self) -> None:
        """Read the source under the cursor on."""
        line = self.list.row()
        if line is None:
            return
        if line.state in (SourceState.FAILED, SourceState.PARTIAL):
            self.timeline.again(line.name)
            self.word(f"Reading {line.name} on from where it stopped.", "quiet")
        else:
            self.word(f"{line.name} is {line.state}; there is nothing to read on.", "quiet")

    def action_again(self) -> None:
        """Read on all that stopped."""
        names = self.timeline.again()
        self.word(f"Reading on: {', '.join(names)}." if names else "Every source was read to its end.", "quiet")

    def action_stop(self) -> None:
        """Stop reading."""
        if self.timeline.loading:
            self.timeline.stop()
            self.word("Stopped; what came is shown. Enter reads one on, R all.", "quiet")
        else:
            self.word("Nothing is being read for the first time.", "quiet")
