"""Give a packet back to its analyst, with a note that says what is missing."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on, work
from textual.widget import Widget
from textual.widgets import Button, Static

from workstation.screens.dialogs.base import buttons
from workstation.screens.dialogs.drafting import DraftDialog
from workstation.widgets.prose import plain
from workstation.widgets.typing import Editor

#: Characters of a note that helps somebody; the same as of a reason.
SHORTEST = 20


class ReturnDialog(DraftDialog[bool]):
    """Asks for the note and returns the packet."""

    KIND = "note"
    AUTO_FOCUS = "#text"
    KEYS = (("Ctrl+S", "return it"),)

    def __init__(self, case: int, ref: str, analyst: str, draft: str) -> None:
        super().__init__(f"Return {ref} to {analyst}", case, ref, draft)

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the text and the answers."""
        yield Static(plain((f"What is missing, in a way that helps; at least {SHORTEST} characters.", "quiet")))
        yield Editor(self.draft, id="text")
        yield buttons(("no", "Close, keep draft"), ("yes", "Return it"))

    def written(self) -> str:
        """Return the note."""
        return self.query_one("#text", Editor).text

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Return it, or close."""
        if event.button.id == "yes":
            self.action_finish()
        else:
            self.action_leave()

    def action_finish(self) -> None:
        """Return the packet."""
        short = SHORTEST - len(self.written().strip())
        if short > 0:
            self.word(f"✗ {short} more characters: the analyst will work from this note.")
        else:
            self._return()

    @work(group="send", name="return the packet", exclusive=True, exit_on_error=False)
    async def _return(self) -> None:
        await self.desk.return_packet(self.case, self.written().strip())
        await self.drop_draft()
        self.dismiss(True)
