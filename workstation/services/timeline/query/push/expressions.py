"""Typed regular expressions that mean the same in RE2 and in Go's regexp, and texts in Go's quotes."""

from __future__ import annotations

import re

#: Whole values that are ASCII. Beyond it, case folding and ``(?i)`` part ways.
ASCII_ONLY = r"^[\x00-\x7f]*$"
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SHARED_ESCAPES = frozenset("dDwWsSbBtnrfv")


def shared(source: str) -> bool:
    r"""Return whether an expression of RE2 means the same in Go, and over folded ASCII as with ``(?i)`` over any.

    Classes of Unicode (``\p{Lu}``) tell cases apart, flags (``(?-i)``) could ask to, and the two differ in odd escapes.
    """
    if not source.isascii() or "\0" in source or "(?" in source or "[[:" in source or "[:" in source:
        return False
    return all(not found[1].isalnum() or found[1] in _SHARED_ESCAPES for found in _ESCAPE.finditer(source))


def in_quotes(text: str) -> str:
    """Return a text as a string of Go in double quotes (Go specification, "String literals").

    Raises:
        ValueError: it holds half a character.
    """
    out: list[str] = []
    for char in text:
        code = ord(char)
        if 0xD800 <= code <= 0xDFFF:
            raise ValueError("half a character")
        if char in '"\\':
            out.append(f"\\{char}")
        elif char.isprintable() and (char.isascii() or char.isalnum()):
            out.append(char)
        else:
            out.append(f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return f'"{"".join(out)}"'
