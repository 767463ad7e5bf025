"""A note for colleagues."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on, work
from textual.widget import Widget
from textual.widgets import Button, Static

from workstation.screens.dialogs.base import buttons
from workstation.screens.dialogs.drafting import DraftDialog
from workstation.services.views import Note
from workstation.widgets.prose import plain
from workstation.widgets.typing import Editor


class NoteDialog(DraftDialog[Note]):
    """Writes a note; the client never sees it."""

    KIND = "note"
    AUTO_FOCUS = "#text"
    KEYS = (("Ctrl+S", "add it"),)

    def __init__(self, case: int, ref: str, draft: str) -> None:
        super().__init__(f"Note on {ref}", case, ref, draft)

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the text and the answers."""
        yield Static(
            plain(("For whoever comes after you: what you think, what you ruled out, what comes next.", "quiet"))
        )
        yield Editor(self.draft, id="text")
        yield buttons(("no", "Close, keep draft"), ("yes", "Add the note"))

    def written(self) -> str:
        """Return the text."""
        return self.query_one("#text", Editor).text

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Add it, or close."""
        if event.button.id == "yes":
            self.action_finish()
        else:
            self.action_leave()

    def action_finish(self) -> None:
        """Add the note."""
        if self.written().strip():
            self._add()
        else:
            self.word("✗ There is nothing to add yet.")

    @work(group="send", name="add the note", exclusive=True, exit_on_error=False)
    async def _add(self) -> None:
        note = await self.desk.note(self.case, self.written().strip())
        await self.drop_draft()
        self.dismiss(note)
