"""Where a person types. What is pasted is cleaned before a field takes it."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.widgets import Input, TextArea

from workstation.services.text import clean

#: Characters that an editor takes from a paste or a template.
LONGEST = 50_000


def editable(text: str) -> str:
    """Return a text of several lines as an editor takes it: cleaned."""
    return clean(text, LONGEST, multiline=True)


class Line(Input):
    """One line. A paste is cleaned and never submits."""

    HELP: ClassVar[str] = "A line to type in. Enter keeps it, Tab goes on, Esc leaves."

    def __init__(
        self,
        text: str = "",
        *,
        id: str | None = None,  # noqa: A002
        max_length: int = 2_000,
        placeholder: str = "",
        password: bool = False,
    ) -> None:
        super().__init__(clean(text), id=id, max_length=max_length, placeholder=placeholder, password=password)

    def replace_all(self, text: str) -> None:
        """Put another text in, such as the subject of a template."""
        self.value = clean(text)

    def on_paste(self, event: events.Paste) -> None:
        """Clean what comes from the clipboard before the field takes it."""
        event.text = clean(event.text.strip())


class Editor(TextArea):
    """Several lines. Tab goes on to the next field."""

    HELP: ClassVar[str] = "A text. Tab leaves it, Ctrl+S sends or saves, Esc closes and keeps the draft."
    DEFAULT_CSS = """
    Editor { border: none; padding: 0 1; background: $panel; scrollbar-size-vertical: 1; }
    Editor:focus { border: none; }
    """

    def __init__(self, text: str = "", *, id: str | None = None, read_only: bool = False) -> None:  # noqa: A002
        super().__init__(
            editable(text),
            id=id,
            read_only=read_only,
            tab_behavior="focus",
            show_line_numbers=False,
            soft_wrap=True,
            highlight_cursor_line=False,
        )

    def on_paste(self, event: events.Paste) -> None:
        """Clean what comes from the clipboard before the text takes it."""
        event.text = editable(event.text)

    def replace_all(self, text: str) -> None:
        """Put another text in, such as a template."""
        self.text = editable(text)
