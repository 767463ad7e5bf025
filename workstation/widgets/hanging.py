"""Long lines whose continuation stands under their text and not under their label."""

from __future__ import annotations

import re

from rich.cells import cell_len
from textual.content import Content

#: Cells of the widest label that a continuation is set in by.
DEEPEST = 30
#: What stands before the text of a line: a sign, or a label that is filled up with blanks.
_HEAD = re.compile(r" *(?:[✗✓→◷◈⊘□●○◌◉·↩▲] +|\S.*? {2,})(?=\S)| {2,}(?=\S)")


def indent_of(line: str) -> int:
    """Return how many characters stand before the text of `line`; 0 where it has no label."""
    found = _HEAD.match(line[: DEEPEST + 1])
    return found.end() if found is not None else 0


def hang(content: Content, width: int) -> Content:
    """Return `content` with its long lines wrapped to `width` cells, each under its own text."""
    lines = content.split("\n", allow_blank=True)
    if all(line.cell_length <= width for line in lines):
        return content
    return Content("\n").join(piece for line in lines for piece in _wrapped(line, width))


def _wrapped(line: Content, width: int) -> list[Content]:
    indent = indent_of(line.plain)
    # A word that would be broken for it, such as a hash, is worth more than the indent.
    longest = max(map(cell_len, line.plain[indent:].split()), default=0)
    if line.cell_length <= width or not indent or longest > width - indent:
        return [line]
    first = line.wrap(width)[0]
    rest = line[len(first.plain.rstrip()) :]
    rest = rest[len(rest.plain) - len(rest.plain.lstrip()) :]
    return [first, *(Content(" " * indent) + piece for piece in rest.wrap(width - indent))] if rest.plain else [line]
