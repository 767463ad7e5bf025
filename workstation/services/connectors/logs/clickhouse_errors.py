"""What an exception of ClickHouse means to us, by its number (src/Common/ErrorCodes.cpp).

Its own words are quoted only up to where they repeat the query, because that holds the account.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from workstation.services.errors import (
    Invalid,
    SourceBusy,
    SourceDenied,
    SourceDown,
    SourceMissing,
    WorkstationError,
)
from workstation.services.text import clean


class SettingRefused(Invalid):
    """A setting of ours that the server does not know, or that our user may not set.

    `code` is the exception's number, `text` what it says: the name of the setting is in there.
    """

    code = 0
    text = ""


class ShardAbsent(SourceDown):
    """A part of a cluster cannot be reached."""


class Raised(NamedTuple):
    """An exception as ClickHouse writes it into an answer."""

    code: int
    text: str


#: Numbers of a setting that is not known, and of a user that may set nothing (or everything but `readonly`).
UNKNOWN_SETTING, READONLY = 115, 164


class _Meaning(NamedTuple):
    error: type[WorkstationError]
    says: str
    hint: str


_TRY_AGAIN = "Try again; if it stays, tell who runs that system."
_LESS = "Choose a shorter span, or a smaller `page` in the settings."
_DENIED = _Meaning(SourceDenied, "refused our credential", "Ask who runs this installation.")
_ABSENT = _Meaning(SourceMissing, "has no such table or column", "Check database, table and columns in the settings.")
_LIMIT = _Meaning(Invalid, "will not give that much at once", _LESS)
_LATE = _Meaning(SourceDown, "ran out of time", "Choose a shorter span; a table sorted by account and time is quicker.")
_SETTING = _Meaning(SettingRefused, "does not take a setting of ours", "Ask who runs this installation.")
_MEANINGS: dict[int, _Meaning] = {
    **dict.fromkeys((192, 193, 194, 195, 291, 497, 516), _DENIED),
    **dict.fromkeys((16, 47, 60, 81), _ABSENT),
    **dict.fromkeys((158, 191, 290, 307, 396), _LIMIT),
    **dict.fromkeys((159, 160, 209), _LATE),
    **dict.fromkeys((UNKNOWN_SETTING, READONLY, 452), _SETTING),
    46: _Meaning(Invalid, "lacks a function that is needed", "It must be of version 22.12 or later."),
    201: _Meaning(SourceBusy, "has given all that its quota allows", "Try again later, or have the quota raised."),
    202: _Meaning(SourceBusy, "has too many queries at once", "Try again later."),
    241: _Meaning(Invalid, "needs more memory for this than it may have", _LESS),
    279: _Meaning(ShardAbsent, "cannot reach a part of its cluster", _TRY_AGAIN),
    394: _Meaning(SourceDown, "had the query ended by somebody", _TRY_AGAIN),
}
#: All queries together have taken the memory, not this one: it will be given back.
_SHORT = _Meaning(SourceBusy, "is short of memory", "Try again later.")
_OTHER = _Meaning(Invalid, "refused the question", "Check table, columns and mapping in the settings.")
_FAILED = _Meaning(SourceDown, "failed", _TRY_AGAIN)

#: ``Code: 47. DB::Exception: … (UNKNOWN_IDENTIFIER)``; up to 2020 ``Code: 47, e.displayText() = DB::Exception: …``.
#: At the beginning of a line, which no text within a document can be.
_WRITTEN = re.compile(
    r"^Code: (\d{1,4})(?:\.|, e\.[a-zA-Z]+\(\) =) DB::[A-Za-z]*Exception: (.*)", re.DOTALL | re.MULTILINE
)
_SYMBOL = re.compile(r"\(([A-Z][A-Z0-9_]{3,60})\)")
_QUERY = re.compile(r" in scope | while |: While |SELECT|\(version ", re.IGNORECASE)


def exception(text: str) -> Raised | None:
    """Return the first exception that stands in a text, None where there is none; those that led to it follow."""
    found = _WRITTEN.search(text)
    return Raised(int(found[1]), found[2]) if found else None


def meant(name: str, found: Raised, status: int = 500) -> WorkstationError:
    """Return the error of an exception.

    Args:
        name: of the system.
        found: the exception; a text of ``""`` where only the number is known.
        status: of the answer; it tells our fault from the server's where the number is none that we know.
    """
    meaning = _MEANINGS.get(found.code) or (_OTHER if status < 500 else _FAILED)
    if found.code == 241 and "(total)" in found.text:
        meaning = _SHORT
    symbol = _SYMBOL.search(found.text)
    said = f"{found.code} {symbol[1]}" if symbol else f"{found.code}"
    if meaning is _ABSENT:
        words = clean(_QUERY.split(found.text)[0], 120).rstrip(" .:")
        said = f"{said}: {words}" if words else said
    error = meaning.error(f"{name} {meaning.says} ({said}).", meaning.hint)
    if isinstance(error, SettingRefused):
        error.code, error.text = found
    return error
