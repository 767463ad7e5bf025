"""The boundary between what the world sent and what a terminal may show.

Textual does not neutralise escape sequences or markup: a log line can rename the window, write the
clipboard or run an action. Everything from outside is :class:`Untrusted` until :func:`clean` has made
it displayable. The raw bytes stay as evidence; the display form is never hashed.
"""

from __future__ import annotations

import unicodedata

#: Characters that take no room and hide text, outside the categories that are always refused.
INVISIBLE = frozenset(
    {0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x2800, 0x3164, 0xFFA0}
    | set(range(0xFE00, 0xFE10))
    | set(range(0xE0100, 0xE01F0))
)
#: Combining marks kept on one letter; Vietnamese and Thai need two, "zalgo" text uses dozens.
MARKS = 3
LIMIT = 4_000
_FORMULA = tuple("=+-@|%＝＋－＠")
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Untrusted(str):
    """Text as it came from outside. Showing it without :func:`clean` is a fault."""

    __slots__ = ()


def clean(value: object, limit: int = LIMIT, *, multiline: bool = False) -> str:
    """Return `value` as text that is safe to draw and hides nothing.

    C0 controls become control pictures (U+2400 block), every other control, format, bidirectional,
    private, unassigned or invisible character becomes ``⟦U+XXXX⟧`` (CVE-2021-42574 class), of more than
    three combining marks on a letter the others are counted, tabs become four spaces, and what is longer
    than `limit` characters is cut with the count of what is missing.

    Args:
        value: text or bytes (decoded as UTF-8, bad bytes as ``\\xNN``), or anything with a str form.
        limit: characters kept.
        multiline: keep line feeds (a pane of several lines); otherwise they become ``␊``.
    """
    data = bytes(value) if isinstance(value, bytes | bytearray | memoryview) else None
    text = str(value) if data is None else data.decode("utf-8", "backslashreplace")
    over = len(text) - limit
    if over > 0:
        text = text[:limit]
    if not (text.isascii() and text.isprintable()):
        text = _spell_out(text, multiline)
    return f"{text} ⟦+{over} chars⟧" if over > 0 else text


def _spell_out(text: str, multiline: bool) -> str:
    out: list[str] = []
    marks = 0
    for char in text:
        code = ord(char)
        category = unicodedata.category(char)
        if category in ("Mn", "Me") and code not in INVISIBLE:
            marks += 1
            if marks <= MARKS:
                out.append(char)
            continue
        if marks > MARKS:
            out.append(f"⟦+{marks - MARKS} marks⟧")
        marks = 0
        if char == "\n" and multiline:
            out.append(char)
        elif char == "\t":
            out.append("    ")
        elif code < 0x20:
            out.append(chr(0x2400 + code))
        elif code == 0x7F:
            out.append("␡")
        elif category in _REFUSED or code in INVISIBLE:
            out.append(f"⟦U+{code:04X}⟧")
        else:
            out.append(char)
    if marks > MARKS:
        out.append(f"⟦+{marks - MARKS} marks⟧")
    return "".join(out)


def is_clean(text: str) -> bool:
    """Return whether `text` holds no character that :func:`clean` would replace."""
    return (text.isascii() and text.isprintable()) or _spell_out(text, True) == text


def scripts(text: str) -> frozenset[str]:
    """Return the names of the scripts of the letters in `text` (by Unicode name prefix)."""
    return frozenset(unicodedata.name(c, "UNKNOWN").split()[0] for c in text if c.isalpha())


def mixed_scripts(text: str) -> str:
    """Return a warning such as ``⚠ CYRILLIC+LATIN`` where an identifier mixes scripts, else ``""``.

    UTS 39 calls these the raw material of look-alike addresses.
    """
    found = sorted(scripts(text))
    return f"⚠ {'+'.join(found)}" if len(found) > 1 else ""


def mask_email(address: str) -> str:
    """Return an address with the local part hidden but for its first letter: ``m••••@proton.me``."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}••••@{domain}" if at else mask_tail(address, 0)


def mask_tail(value: str, keep: int = 2) -> str:
    """Return `value` hidden but for its last `keep` characters: ``••••42``."""
    return "••••" + (value[-keep:] if keep and len(value) > keep else "")


def group4(identifier: str) -> str:
    """Return an id in groups of four characters: ``AA71 N84G``."""
    return " ".join(identifier[i : i + 4] for i in range(0, len(identifier), 4))


def csv_cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula (OWASP ASVS 1.2.10), nor after blanks that it trims."""
    text = clean(value)
    return "'" + text if text.lstrip().startswith(_FORMULA) else text
