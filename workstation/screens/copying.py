"""The clipboard: one way to it, cleaned and on record before anything is copied.

A terminal's clipboard (OSC 52) is outside of everything that this product guards, so what goes there is told to the
audit first: in which case, what kind of thing, how long. Never the text itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

from workstation.services.text import clean

if TYPE_CHECKING:
    from workstation.app import WorkstationApp

#: Characters that are copied at once; more is an export, which has its own rules.
LONGEST = 20_000


class Clipboard:
    """Copies, and takes back what it copied.

    Args:
        host: the app.
    """

    def __init__(self, host: WorkstationApp) -> None:
        self._host = host
        self._ours = False

    def copy(self, text: str, what: str = "selected text") -> None:
        """Copy `text` once the store has put on record that `what` was copied; the value of a password field never."""
        focused = self._host.focused
        if isinstance(focused, Input) and focused.password:
            return
        work = self._copy(clean(text, LONGEST, multiline=True), what)
        self._host.run_worker(work, group="copy", name="copy", exit_on_error=False)

    async def _copy(self, text: str, what: str) -> None:
        host, desk = self._host, self._host.desk
        if desk is None or not text.strip():
            return
        await desk.copied(host.case_in_hand, what, len(text))
        if desk is host.desk and not host.guard.locked:
            host.write_clipboard(text)
            self._ours = True
            host.tell(f"Copied: {what}, {len(text)} characters. That is on record.")

    def empty(self) -> None:
        """Empty the clipboard where something of ours may still be in it."""
        if self._ours:
            self._ours = False
            self._host.write_clipboard("")
