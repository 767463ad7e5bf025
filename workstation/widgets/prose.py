"""Text for panes of several lines, built from literal parts and never from markup."""

from __future__ import annotations

from typing import Self

from textual.content import Content

from workstation.services.text import clean

#: What a part of a text may mean, and the style that says so. Each tone also has a word or a glyph.
TONES: dict[str, str] = {
    "": "",
    "strong": "bold",
    "quiet": "$quiet",
    "faint": "$faint",
    "accent": "$accent",
    "hostile": "$error",
    "time": "$warning",
    "elevated": "$elevated",
}
#: Characters of one text in a pane; the whole is at hand as evidence, not on the screen.
PANE = 20_000

Part = str | tuple[str, str]


class Prose:
    """Lines of a pane. Every part is cleaned here, so a caller cannot forget it."""

    def __init__(self) -> None:
        self._parts: list[str | tuple[str, str]] = []

    def line(self, *parts: Part) -> Self:
        """Add a line of parts: texts, or pairs of a text and a tone of :data:`TONES`."""
        for part in parts:
            text, tone = (part, "") if isinstance(part, str) else part
            self._parts.append((clean(text), TONES[tone]))
        self._parts.append("\n")
        return self

    def block(self, text: str, tone: str = "") -> Self:
        """Add a text that keeps its own line ends."""
        self._parts.append((clean(text.replace("\r\n", "\n"), PANE, multiline=True), TONES[tone]))
        self._parts.append("\n")
        return self

    def head(self, title: str) -> Self:
        """Add a heading, with a line above it unless it is the first."""
        if self._parts:
            self._parts.append("\n")
        return self.line((title, "accent"))

    def pair(self, label: str, value: str, tone: str = "", width: int = 13) -> Self:
        """Add ``label  value`` with the label in a column of `width` characters."""
        return self.line((f"{label:<{width}}", "quiet"), (value, tone))

    def gap(self) -> Self:
        """Add an empty line."""
        self._parts.append("\n")
        return self

    def content(self) -> Content:
        """Return everything that was added."""
        parts = self._parts[:-1] if self._parts and self._parts[-1] == "\n" else self._parts
        return Content.assemble(*parts)


def counted(count: int, thing: str) -> str:
    """Return ``1 pin``, ``2 pins``, ``no pins``."""
    return f"{count or 'no'} {thing}{'' if count == 1 else 's'}"


def plain(*parts: Part) -> Content:
    """Return one line of literal, cleaned parts; for titles and single-line widgets."""
    return Prose().line(*parts).content()
