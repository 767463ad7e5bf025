r"""Values with wildcards: ``*`` is any text, ``?`` one character, a backslash takes the meaning away.

Both sides are compared case folded. What is absent (``""``) matches the empty pattern alone.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

Test = Callable[[str], bool]
#: A character, and whether it stands for itself.
Piece = tuple[str, bool]
_PIECE = re.compile(r"\\.|.", re.DOTALL)
_ANY: Piece = ("*", False)


def escaped(value: str) -> str:
    """Return the pattern that only `value` matches."""
    return re.sub(r"([\\*?])", r"\\\1", value)


@functools.lru_cache(maxsize=2048)
def pieces(pattern: str) -> tuple[Piece, ...]:
    """Split a pattern into characters, each with whether it stands for itself."""
    return tuple((found[0][-1], found[0] not in ("*", "?")) for found in _PIECE.finditer(pattern))


def literal(pattern: str) -> str | None:
    """Return the one value that a pattern without wildcards means; None for one with wildcards."""
    split = pieces(pattern)
    return "".join(char for char, _ in split) if all(own for _, own in split) else None


def parts(pattern: str, within: bool = False) -> list[list[str | None]]:
    """Return what stands between the ``*`` of a pattern: case-folded texts, and None for each ``?``.

    Args:
        pattern: the pattern.
        within: it may stand anywhere in the value: a ``*`` is added at both ends.
    """
    split = pieces(pattern)
    out: list[list[str | None]] = [[]]
    for char, own in (_ANY, *split, _ANY) if within else split:
        here = out[-1]
        if own:
            if here and here[-1] is not None:
                here[-1] += char.casefold()
            else:
                here.append(char.casefold())
        elif char == "?":
            here.append(None)
        else:
            out.append([])
    return out


def expression(pattern: str, within: bool = False) -> str:
    """Return the regular expression that means the same: RE2's, for a whole case-folded value; a dot is anything."""
    return ".*".join("".join("." if text is None else quoted(text) for text in part) for part in parts(pattern, within))


def quoted(text: str) -> str:
    """Return the regular expression that only `text` matches, in the syntax that RE2, Go and Lucene share."""
    return "".join(
        char if char.isalnum() or char == "_" or not char.isascii() else f"\\{char}" if char != "\0" else "\\x00"
        for char in text
    )


@functools.lru_cache(maxsize=2048)
def whole(pattern: str) -> Test:
    """Return a test for a whole value."""
    plain = literal(pattern)
    if plain is not None:
        wanted = plain.casefold()
        return lambda value: value.casefold() == wanted
    return _between_stars(pattern, within=False)


@functools.lru_cache(maxsize=2048)
def inside(pattern: str) -> Test:
    """Return a test for a text anywhere in a value."""
    plain = literal(pattern)
    if plain is not None:
        wanted = plain.casefold()
        return lambda value: wanted in value.casefold()
    return _between_stars(pattern, within=True)


def _between_stars(pattern: str, within: bool) -> Test:
    """Return a test that takes time in proportion to the value, however many stars the pattern has.

    Each part between stars is looked for once, from where the one before it ended: the first place is as good as
    any later one.
    """
    said = ["".join("." if text is None else re.escape(text) for text in part) for part in parts(pattern, within)]
    head, tail = re.compile(said[0], re.DOTALL), re.compile(f"(?:{said[-1]})\\Z", re.DOTALL)
    middle = [re.compile(part, re.DOTALL) for part in said[1:-1] if part]
    if len(said) == 1:
        return lambda value: bool(value) and tail.match(value.casefold()) is not None

    def test(value: str) -> bool:
        value = value.casefold()
        found = head.match(value) if value else None
        for part in middle:
            found = part.search(value, found.end()) if found else None
        return found is not None and tail.search(value, found.end()) is not None

    return test
