"""A pane of two parts, as several panes under the timeline are: a line about all of it, a list, and the row whole."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from workstation.widgets.ledger import Ledger
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Part, Prose, plain

L = TypeVar("L", bound=Ledger[Any, Any])


class TwoParts(Vertical, Generic[L]):
    """A line, a list and the row under its cursor. A subclass makes the list and writes the row.

    The row is written only where there is room for it: Enter on the list is for what it does, not for reading.
    """

    HELP: ClassVar[str] = ""
    ALONE = 7
    """Lines of height up to which the list has all the room."""
    DEFAULT_CSS = """
    TwoParts {
        .about { height: auto; max-height: 2; padding: 0 1; }
        Ledger { height: 4; min-height: 2; max-height: 60%; }
        Pane { height: 1fr; }
        &.-alone Ledger { max-height: 100%; }
        &.-alone Pane { display: none; }
        &.-alone .about { max-height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def make(self) -> L:
        """Return the list."""
        raise NotImplementedError

    def whole(self) -> Prose:
        """Return the row under the cursor, in full."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Lay the three above each other."""
        yield Static(classes="about")
        yield self.make()
        yield Pane()

    @property
    def ledger(self) -> Ledger[Any, Any]:
        """The list."""
        return self.query_one(Ledger)

    @property
    def text(self) -> str:
        """What the lower part says."""
        return self.query_one(Pane).text

    def about(self, *parts: Part) -> None:
        """Say something about all of it."""
        self.query_one(".about", Static).update(plain(*parts))

    def write(self) -> None:
        """Write the row under the cursor."""
        self._measure()
        self.query_one(Pane).write(self.whole().content(), top=True)

    def on_ledger_moved(self, event: Ledger.Moved) -> None:
        """Write the row under the cursor."""
        event.stop()
        self.query_one(Pane).write(self.whole().content(), top=True)

    def on_resize(self) -> None:
        """Give the list all the room where there is little."""
        self.set_class(self.size.height <= self.ALONE, "-alone")
        self._measure()

    def _measure(self) -> None:
        self.ledger.styles.height = "1fr" if self.has_class("-alone") else max(4, len(self.ledger.keys) + 1)
