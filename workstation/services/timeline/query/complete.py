"""Proposals while a query is typed: fields with their meaning, values by how many events have them, operators.

Only distinct values are looked at, and the caller keeps :class:`Counts` from key to key, so a proposal takes a few
milliseconds over a million rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.query.ast import Match, quoted_value
from workstation.services.timeline.query.fields import KNOWN, NAMES, WORDS, Kind, kind_of
from workstation.services.timeline.query.patterns import escaped
from workstation.services.timeline.working.frame import Check, Frame, never

#: Proposals at once: what fits under the line.
MOST = 12
#: Of the values that contain what was typed, so many of the most frequent are looked at for where they contain it.
_LOOKED_AT = 400
#: Characters of a value that is proposed; longer ones are better taken with a key on their row.
_LONGEST = 200
#: Of a field of so many values (ids, mostly) none are proposed for fewer characters: they would be any. For more, the
#: newest that contain them are, of which so many are looked at: to look at all of them takes longer than a key may.
_LARGE = 200_000
_ENOUGH = 4
_NEWEST = 2 * MOST
#: Codes of values.
Codes: TypeAlias = npt.NDArray[np.int64]
_PIECE = re.compile(
    r'"(?:\\.|[^"\\])*"?|/(?:\\.|[^/\\])*/?|[\[{][^\]}]*[\]}]?|(?:\\.|[^\s()"\\\[{])+|[()]|\s+|\\', re.DOTALL
)
_HEAD = re.compile(r"(?P<sign>[-+!]*)(?:(?P<field>[A-Za-z_@][A-Za-z0-9_.@-]*):)?(?P<op>[<>]=?)?")
_OPERATORS = {
    "AND": "both must hold; side by side means the same",
    "OR": "either may hold",
    "NOT": "what follows must not hold",
}
_MOMENTS = {
    "now-1h": "the hour up to now",
    "now-24h": "the day up to now",
    "now/d": "today",
    "now-1d/d": "yesterday",
    "now-7d/d": "seven days ago",
    "now/w": "this week",
    "now/M": "this month",
}


class Proposal(msgspec.Struct, frozen=True):
    """Put ``text`` in place of the characters from ``start`` to before ``end``. ``note`` says what it is.

    ``text`` may hold values of events, which are Untrusted.
    """

    start: int
    end: int
    text: str
    note: str


class Counts:
    """How many rows have each value of a field; counted once a field for as long as no rows come.

    Args:
        frame: the events.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self._counted: dict[str, tuple[int, npt.NDArray[np.int64]]] = {}
        self._most: dict[str, tuple[npt.NDArray[np.int64], Codes]] = {}

    def of(self, field: str) -> npt.NDArray[np.int64]:
        """Return one count a code of an ECS field. Raises KeyError."""
        rows = len(self.frame)
        had = self._counted.get(field)
        if had is None or had[0] != rows:
            had = (rows, np.bincount(self.frame.codes(field)))
            self._counted[field] = had
        return had[1]

    def most(self, field: str) -> Codes:
        """Return the codes that most rows have. Raises KeyError."""
        count = self.of(field)
        had = self._most.get(field)
        if had is None or had[0] is not count:
            had = (count, _top(np.arange(len(count)), count))
            self._most[field] = had
        return had[1]


def _top(codes: Codes, count: npt.NDArray[np.int64]) -> Codes:
    return codes[np.argpartition(-count[codes], _LOOKED_AT)[:_LOOKED_AT]] if len(codes) > _LOOKED_AT else codes


#: What was said of rows, and of how many: ``mark`` → rule → rows.
SaidCounts = Mapping[str, Mapping[str, int]]


def complete(
    text: str, cursor: int, counts: Counts | None, said: SaidCounts | None = None, check: Check = never
) -> tuple[Proposal, ...]:
    """Return what the word at the cursor could become, the likeliest first, at most :data:`MOST`.

    Args:
        text: the line as it stands.
        cursor: the place of the cursor, 0 to ``len(text)``.
        counts: of the events on the screen; None where there are none yet.
        said: rules that marked rows, and how many rows, for ``mark:``.
        check: asked between steps.

    Raises:
        Cancelled: by `check`.
    """
    here = _here(text, max(0, min(cursor, len(text))))
    if here.field is None:
        found = [*_fields(here), *_operators(here)]
    elif kind_of(here.field) is Kind.TIME:
        found = [here.proposal(moment, note) for moment, note in _MOMENTS.items() if moment.startswith(here.typed)]
    elif kind_of(here.field) is Kind.SAID:
        found = _said(here, said or {})
    else:
        found = list(_values(here, counts, check)) if counts is not None else []
    return tuple(one for one in found if one.text != text[one.start : one.end])[:MOST]


class _Here(msgspec.Struct, frozen=True):
    """What stands at the cursor: the word from ``start`` to ``end``, as far as it is typed, and whose value it is."""

    start: int
    end: int
    typed: str
    field: str | None
    first: bool
    grouped: bool

    def proposal(self, text: str, note: str) -> Proposal:
        return Proposal(self.start, self.end, text, note)


def _here(text: str, cursor: int) -> _Here:
    """Find the word at the cursor; brackets before it say whose value it is."""
    around: list[str | None] = []
    first = True
    pending: str | None = None
    for piece in _PIECE.finditer(text):
        start, end, said = piece.start(), piece.end(), piece[0]
        if start >= cursor:
            break
        if said == "(":
            around.append(pending or (around[-1] if around else None))
            pending, first = None, True
        elif said == ")":
            del around[-1:]
            pending, first = None, False
        elif said.isspace():
            pending = None
        else:
            field, at = _headed(said) if pending is None else (pending, _within_range(said, cursor - start))
            if end >= cursor and (end > cursor or not said.endswith('"') or len(said) == 1):
                return _word_here(
                    text, start + at, cursor, field or (around[-1] if around else None), first, bool(around)
                )
            pending, first = (field if at == len(said) else None), said in _OPERATORS
    inside = pending or (around[-1] if around else None)
    return _Here(cursor, cursor, "", inside, first, bool(around) or pending is not None)


def _headed(said: str) -> tuple[str | None, int]:
    """Return the field before a value, and where the value begins."""
    found = _HEAD.match(said)
    assert found is not None
    name = NAMES.get(found["field"] or "")
    if name is None:
        return None, len(found["sign"])
    return name, found.end()


def _within_range(said: str, cursor: int) -> int:
    """Return where the end of a range that the cursor is in begins; 0 outside of ranges."""
    found = re.match(r"[\[{](?:.*\s)?", said[:cursor], re.DOTALL)
    return found.end() if found else 0


def _word_here(text: str, start: int, cursor: int, field: str | None, first: bool, grouped: bool) -> _Here:
    end = cursor
    if text[start : start + 1] != '"':
        while end < len(text) and not text[end].isspace() and text[end] not in '()"]}':
            end += 1
    elif (closing := text.find('"', cursor)) >= 0 and not re.search(r"\s", text[cursor:closing]):
        end = closing + 1
    typed = text[min(start, cursor) : cursor]
    if typed.startswith('"'):
        typed = typed[1:]
    return _Here(min(start, cursor), end, re.sub(r"\\(.)", r"\1", typed), field, first, grouped)


def _fields(here: _Here) -> Iterator[Proposal]:
    wanted = here.typed.casefold()
    names: list[tuple[int, str]] = []
    for name in KNOWN:
        short = FIELDS.get(name, name)
        rank = (
            0 if name.startswith(wanted) or short.startswith(wanted) else 1 if wanted in name or wanted in short else 2
        )
        if rank < 2:
            names.append((rank, name))
    for _, name in sorted(names, key=lambda ranked: ranked[0]):
        yield here.proposal(f"{name}:", KNOWN[name].meaning)


def _operators(here: _Here) -> Iterator[Proposal]:
    for word, meaning in _OPERATORS.items():
        if here.typed and word.startswith(here.typed.upper()) and (word == "NOT" or not here.first):
            yield here.proposal(word, meaning)


def _said(here: _Here, said: SaidCounts) -> list[Proposal]:
    assert here.field is not None
    known = said.get(here.field, {})
    words = WORDS.get(here.field) or sorted(known, key=lambda word: -known[word])
    wanted = here.typed.casefold()
    return [
        here.proposal(quoted_value(word), _events(known[word]) if word in known else KNOWN[here.field].meaning)
        for word in sorted(words, key=lambda word: not word.casefold().startswith(wanted))
        if wanted in word.casefold()
    ]


def _values(here: _Here, counts: Counts, check: Check) -> Iterator[Proposal]:
    """Yield the values that contain what was typed: those that begin with it first, then the more frequent.

    Of a field of very many values they are the newest that contain it.
    """
    assert here.field is not None
    count, values = counts.of(here.field), counts.frame.values(here.field)
    if not here.typed:
        codes = counts.most(here.field)
    elif len(count) > _LARGE and len(here.typed) < _ENOUGH:
        return
    elif len(count) > _LARGE:
        latest = np.array(values.latest(here.typed, _NEWEST, check), np.int64)
        codes = latest[latest < len(count)]
    else:
        codes = _top(np.flatnonzero(values.containing(here.typed)[: len(count)]), count)
    wanted = here.typed.casefold()
    found = [(values[int(code)], int(count[code])) for code in codes]
    found.sort(key=lambda one: (not one[0].casefold().startswith(wanted), -one[1], one[0]))
    for value, rows in found:
        if value and rows and len(value) <= _LONGEST:
            yield here.proposal(Match(here.field, escaped(value)).value(), _events(rows))


def _events(count: int) -> str:
    return f"{count:,} event{'s' * (count != 1)}"
