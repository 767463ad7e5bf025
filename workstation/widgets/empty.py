"""Five states of a place without rows, in five different sentences, each with the next step."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from textual.content import Content

from workstation.widgets.prose import Prose


class Standing(StrEnum):
    """Why there is nothing here, or why what is here may be old."""

    EMPTY = "empty"
    LOADING = "loading"
    FAILED = "failed"
    FORBIDDEN = "forbidden"
    STALE = "stale"


_GLYPH = {
    Standing.EMPTY: "·",
    Standing.LOADING: "…",
    Standing.FAILED: "✗",
    Standing.FORBIDDEN: "⊘",
    Standing.STALE: "◷",
}
_TONE = {Standing.STALE: "time", Standing.LOADING: "quiet", Standing.EMPTY: "quiet"}


class Blank(msgspec.Struct, frozen=True, kw_only=True):
    """What a place says instead of rows: what is so, why, and what to do next."""

    standing: Standing
    what: str
    next: str
    why: str = ""

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Return the lines to draw, each a text and its tone."""
        head = (f"{_GLYPH[self.standing]}  {self.what}", _TONE.get(self.standing, "strong"))
        middle = ((self.why, ""),) if self.why else ()
        return (head, *middle, (self.next, "quiet"))

    def content(self) -> Content:
        """Return the lines as the content of a pane."""
        prose = Prose()
        for text, tone in self.lines():
            prose.line((text, tone))
        return prose.content()


def empty(what: str, next_step: str) -> Blank:
    """Return the state of a place that was read and holds nothing."""
    return Blank(standing=Standing.EMPTY, what=what, next=next_step)


def loading(thing: str) -> Blank:
    """Return the state of a place that is being read."""
    return Blank(standing=Standing.LOADING, what=f"Reading {thing}.", next="Rows show up as they come; Esc stops.")


def starting(word: str) -> Blank:
    """Return the state of a place whose desk is still being put together; `word` says how far it is."""
    return Blank(standing=Standing.LOADING, what=f"{word[:1].upper()}{word[1:]} …", next="q quits.")


def failed(thing: str, why: str, key: str = "r") -> Blank:
    """Return the state of a place that could not be read; `key` tries again."""
    return Blank(
        standing=Standing.FAILED,
        what=f"{thing[:1].upper()}{thing[1:]} could not be read.",
        why=why,
        next=f"{key} tries again.",
    )


def forbidden(thing: str, why: str) -> Blank:
    """Return the state of a place that this person may not see."""
    return Blank(
        standing=Standing.FORBIDDEN,
        what=f"You may not see {thing}.",
        why=why,
        next="A lead can grant it; 1 goes back to the queue.",
    )


def stale(thing: str, since: str, key: str = "r") -> Blank:
    """Return the word over rows that could not be read again since `since`."""
    return Blank(
        standing=Standing.STALE,
        what=f"{thing[:1].upper()}{thing[1:]} as of {since}; the store does not answer.",
        next=f"{key} reads again.",
    )
