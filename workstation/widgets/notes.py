"""Notes of colleagues on the case."""

from __future__ import annotations

from collections.abc import Sequence

from workstation.services.views import Note
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose
from workstation.widgets.times import Zone


class NotesPane(Pane):
    """The notes, newest first."""

    HELP = "Notes of colleagues; o writes one. The client never sees them."

    def show(self, notes: Sequence[Note], zone: Zone) -> None:
        """Write the notes."""
        prose = Prose()
        if not notes:
            prose.line(("·  No note yet.", "quiet")).line(("o writes one for whoever comes after you.", "quiet"))
        for note in reversed(notes):
            prose.line((note.by, "strong"), (f"  {zone.at(note.at, '%m-%d %H:%M')}", "quiet")).block(note.text)
        self.write(prose.content())
