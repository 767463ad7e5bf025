"""A dialog in which something is written: every key is in the journal within a second, and opens again."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import Input, Select, TextArea

from workstation.screens.dialogs.base import Dialog

#: Seconds from a key press to the journal; the promise is one second.
JOURNAL_S = 0.5

T = TypeVar("T")


class DraftDialog(Dialog[T]):
    """Keeps a draft of one kind (mail, note, packet) of one case."""

    KIND: ClassVar[str] = ""
    LEAVING = "close, the draft is kept"
    STAYS = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "finish", "Done", id="draft.finish", tooltip="Send or save what was written"),
        Binding("escape", "leave", "Close", id="draft.leave", tooltip="Close; the draft is kept"),
    ]

    def __init__(self, title: str, case: int, ref: str, draft: str) -> None:
        super().__init__(title)
        self.case, self.ref, self.draft = case, ref, draft
        self._kept = draft
        self._soon: Timer | None = None

    def written(self) -> str:
        """Return what is journalled; ``""`` when nothing was written."""
        raise NotImplementedError

    @on(TextArea.Changed)
    @on(Input.Changed)
    @on(Select.Changed)
    def typed(self) -> None:
        """Set the timer, unless it runs already: a steady typist is journalled too."""
        if self._soon is None and self.written() != self._kept:
            self._soon = self.set_timer(JOURNAL_S, self._journal)

    def _journal(self) -> None:
        self._soon = None
        self.keep()

    @work(group="draft", name="journal the draft", exit_on_error=False)
    async def keep(self) -> None:
        """Journal what is written now."""
        await self.flush()

    async def flush(self) -> None:
        """Journal what is written and is not in the journal yet."""
        text = self.written()
        if text == self._kept:
            return
        await self.desk.save_draft(self.case, self.KIND, text)
        self._kept = text
        mark = (self.case, self.KIND)
        if text:
            self.host.unsent[mark] = f"A {self.KIND} on {self.ref} was written and not sent."
        else:
            self.host.unsent.pop(mark, None)
        self.kept()

    def kept(self) -> None:
        """The draft is in the journal."""

    async def drop_draft(self) -> None:
        """Forget the draft: it was sent."""
        if self._soon is not None:
            self._soon.stop()
            self._soon = None
        await self.desk.save_draft(self.case, self.KIND, "")
        self._kept = self.written()
        self.host.unsent.pop((self.case, self.KIND), None)

    def action_leave(self) -> None:
        """Journal what is written and close."""
        self._leave()

    @work(group="leave", name="journal and close", exclusive=True, exit_on_error=False)
    async def _leave(self) -> None:
        try:
            await self.flush()
        finally:
            self.dismiss(None)

    def action_finish(self) -> None:
        """Send or save."""
        raise NotImplementedError
