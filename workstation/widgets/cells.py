"""Text in columns: cut with an ellipsis, filled with blanks, always exactly as wide as told."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec
from rich.cells import cell_len, set_cell_size

from workstation.services.text import clean

#: Characters of one value that a row ever looks at; no terminal is wider.
CELL = 400


class Cell(NamedTuple):
    """A value in a row: its text, still unclean, and its tone."""

    text: str
    tone: str = ""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of at least `width` cells.

    `keep` ranks it: the lowest go first where the room is short. Half of what is left over lets columns grow up to
    `most`, the rest is shared by the `flex` ones.
    """

    key: str
    title: str
    width: int
    keep: int = 9
    most: int = 0
    flex: bool = False
    right: bool = False


class Placed(NamedTuple):
    """A column that found room: its place in the row's values, and its width in cells."""

    at: int
    column: Column
    width: int


def fit(text: str, width: int, side: Literal["left", "right"] = "left") -> str:
    """Return `text` in exactly `width` cells, cut with ``…`` where it is longer."""
    if width <= 0:
        return ""
    if text.isascii():
        if len(text) > width:
            return text[: width - 1] + "…"
        return text.ljust(width) if side == "left" else text.rjust(width)
    length = cell_len(text)
    if length > width:
        return set_cell_size(set_cell_size(text, width - 1) + "…", width)
    blanks = " " * (width - length)
    return text + blanks if side == "left" else blanks + text


def tidy(text: str) -> str:
    """Return one value of a row, cleaned and short enough to measure."""
    return clean(text, CELL)


def place(columns: tuple[Column, ...], room: int) -> tuple[Placed, ...]:
    """Return the columns that fit into `room` cells with one blank between them.

    Columns of the lowest `keep` are left out first; what is left over goes to those that grow and flex.
    """
    chosen = list(enumerate(columns))
    while len(chosen) > 1 and _need(chosen) > room:
        chosen.remove(min(reversed(chosen), key=lambda item: item[1].keep))
    spare = max(0, room - _need(chosen))
    extra: dict[int, int] = {}
    growing = spare // 2
    for at, column in chosen:
        extra[at] = min(growing, max(0, column.most - column.width))
        growing -= extra[at]
        spare -= extra[at]
    flexible = [at for at, column in chosen if column.flex]
    share, odd = divmod(spare, len(flexible)) if flexible else (0, 0)
    for n, at in enumerate(flexible):
        extra[at] += share + (1 if n < odd else 0)
    return tuple(Placed(at, column, column.width + extra[at]) for at, column in chosen)


def _need(chosen: list[tuple[int, Column]]) -> int:
    return sum(column.width for _, column in chosen) + len(chosen) - 1
