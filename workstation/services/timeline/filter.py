"""What of a timeline is shown: terms in a subset of Lucene's query syntax, all of which must hold.

``event.action:sign_in -source.ip:10.* device.id:"Ana's phone" event.action:(login OR withdrawal*) word``

- ``field:value`` keeps events with that value, ``-field:value`` (or ``NOT field:value``) those without it;
- ``*`` stands for any text and ``?`` for one character, unless quoted or after a backslash;
- ``field:(a OR b)`` keeps either, ``field:*`` keeps what has any value and ``field:""`` what has none;
- a bare word is looked for in every field.

Upper and lower case are the same. A field that holds several values (``event.category``) matches by any of them.
What Lucene has beyond that (ranges, ``OR`` between terms, regular expressions …) is an error that says where.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable

import msgspec

from workstation.services.errors import Invalid
from workstation.services.text import clean
from workstation.services.timeline.event import FIELDS, Event

#: Fields that hold several values, joined by ``, ``.
_SEVERAL = frozenset({"event.category"})
#: Attribute names may be typed in place of the ECS names.
_NAMES = {attribute: name for name, attribute in FIELDS.items()} | {name: name for name in FIELDS}
#: Characters that need no quotes in a value. Others beyond ASCII need none either, unless they are blank.
_PLAIN = re.compile(r"[A-Za-z0-9_.@/+,;#%&=$'|<>-]")
#: Characters with a meaning of their own at the head of a term or value.
_HEADS = "-!+<>/"
_TEST = Callable[[str], bool]
_NOT_YET = {"OR", "AND", "||", "&&"}


class FilterError(Invalid):
    """A filter that cannot be read. `column` is the place of the character that it stumbled over, from 0."""

    def __init__(self, what: str, column: int, hint: str = "") -> None:
        super().__init__(what, hint)
        self.column = column


class Term(msgspec.Struct, frozen=True):
    """One condition.

    ``field`` is an ECS name, ``""`` for a bare word. ``patterns`` are alternatives, in each of which a backslash
    takes the meaning from ``*``, ``?`` and itself. ``negated`` keeps what does not match.
    """

    field: str
    patterns: tuple[str, ...]
    negated: bool = False

    def __str__(self) -> str:
        written = [_quoted(pattern) for pattern in self.patterns]
        value = written[0] if len(written) == 1 else f"({' OR '.join(written)})"
        return f"{'-' if self.negated else ''}{self.field + ':' if self.field else ''}{value}"

    def matches(self, event: Event) -> bool:
        """Return whether the event passes this term."""
        return self._found(event) != self.negated

    def _found(self, event: Event) -> bool:
        if not self.field:
            return any(
                _word(pattern)(str(getattr(event, name))) for pattern in self.patterns for name in FIELDS.values()
            )
        value = str(getattr(event, FIELDS[self.field]))
        values = value.split(", ") if self.field in _SEVERAL else (value,)
        return any(_whole(pattern)(value) for pattern in self.patterns for value in values)


class Filter(msgspec.Struct, frozen=True):
    """Terms that must all hold, in the order in which they were added. ``parse(str(f)) == f``."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(str(term) for term in self.terms)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def matches(self, event: Event) -> bool:
        """Return whether the event is shown."""
        return all(term.matches(event) for term in self.terms)

    def with_value(self, field: str, value: str) -> Filter:
        """Return a filter that keeps only events with exactly this value, ``""`` for those without any.

        It takes the place of another value of the field, and of hiding this one: two values of one field at once
        would never match.

        Raises:
            KeyError: `field` is not one of FIELDS.
        """
        term = Term(_NAMES[field], (_escaped(value),))
        hidden = Term(term.field, term.patterns, negated=True)
        rest = tuple(old for old in self.terms if old != hidden and not (old.field == term.field and not old.negated))
        return Filter((*rest, term))

    def without_value(self, field: str, value: str) -> Filter:
        """Return a filter that hides events with exactly this value, and no longer asks for it.

        Raises:
            KeyError: `field` is not one of FIELDS.
        """
        term = Term(_NAMES[field], (_escaped(value),), negated=True)
        shown = Term(term.field, term.patterns)
        rest = tuple(old for old in self.terms if old not in (shown, term))
        return Filter((*rest, term))

    def without_last(self) -> Filter:
        """Return this filter without the newest term."""
        return Filter(self.terms[:-1])


def parse(text: str) -> Filter:
    """Read a filter.

    Raises:
        FilterError: with the place of the character that could not be read.
    """
    reader = _Reader(text)
    terms: list[Term] = []
    while reader.skip_blank():
        term = reader.term()
        if term is not None:
            terms.append(term)
    return Filter(tuple(terms))


class _Reader:
    """Reads one text from left to right. ``at`` is the place of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip_blank(self) -> bool:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.at < len(self.text)

    def term(self) -> Term | None:
        """Read a term; None for an AND, which stands between terms anyway."""
        start = self.at
        word = re.compile(r"[^\s:()\"]*").match(self.text, self.at)
        ahead = word[0] if word else ""
        if ahead == "AND" and not self.text.startswith(":", self.at + 3):
            self.at += 3
            return None
        negated = False
        if ahead == "NOT" and not self.text.startswith(":", self.at + 3):
            self.at += 3
            negated = True
            if not self.skip_blank():
                raise FilterError("NOT stands before a term.", start)
        elif ahead in _NOT_YET:
            raise FilterError("OR is only understood within brackets: field:(a OR b).", start)
        while self.text[self.at : self.at + 1] in ("-", "!", "+"):
            negated ^= self.text[self.at] != "+"
            self.at += 1
        field = self._field()
        return Term(field, self._values(field), negated)

    def _field(self) -> str:
        match = re.compile(r"([A-Za-z_@][A-Za-z0-9_.@]*):").match(self.text, self.at)
        if match is None:
            return ""
        if match[1] not in _NAMES:
            near = difflib.get_close_matches(match[1], _NAMES, 1)
            hint = f"Did you mean {near[0]}?" if near else "A value with a colon goes into quotes."
            raise FilterError(f"There is no field {clean(match[1], 60)}.", self.at, hint)
        self.at = match.end()
        return _NAMES[match[1]]

    def _values(self, field: str) -> tuple[str, ...]:
        if self.text[self.at : self.at + 1] != "(":
            return (self._value(field),)
        opened = self.at
        if not field:
            raise FilterError("Brackets are only understood after a field: field:(a OR b).", opened)
        self.at += 1
        patterns: list[str] = []
        while True:
            if not self.skip_blank():
                raise FilterError("This bracket is never closed.", opened)
            if self.text[self.at] == ")":
                self.at += 1
                break
            if patterns and re.compile(r"(?i:or)(?=[\s(\"])").match(self.text, self.at):
                self.at += 2
                self.skip_blank()
            elif re.compile(r"AND(?=\s)").match(self.text, self.at):
                raise FilterError("One field cannot have two values at once; use OR.", self.at)
            patterns.append(self._value(field))
        if not patterns:
            raise FilterError("Nothing is in these brackets.", opened)
        return tuple(dict.fromkeys(patterns))

    def _value(self, field: str) -> str:
        start = self.at
        if self.text[self.at : self.at + 1] == '"':
            return self._phrase()
        pattern = ""
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "\\":
                pattern += _escaped(self._after_backslash())
            elif char in "*?:" or _stands_alone(char):
                pattern += char
                self.at += 1
            elif char.isspace() or char == ")":
                break
            else:
                raise FilterError(
                    f"{clean(char)} has a meaning of its own here.", self.at, "Put the value into quotes."
                )
        if not pattern:
            what = f"{field} has no value." if field else "A word is missing here."
            raise FilterError(what, start if start < len(self.text) else max(0, len(self.text) - 1))
        if self.text[start] in "<>" or (not field and self.text[start] == "/"):
            raise FilterError("Comparisons and regular expressions are not understood.", start, "Use * for any text.")
        return pattern

    def _phrase(self) -> str:
        opened = self.at
        self.at += 1
        said = ""
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return _escaped(said)
            if char == "\\":
                said += self._after_backslash()
            else:
                said += char
                self.at += 1
        raise FilterError("This quote is never closed.", opened)

    def _after_backslash(self) -> str:
        if self.at + 1 >= len(self.text):
            raise FilterError("A backslash takes the meaning from the next character.", self.at)
        self.at += 2
        return self.text[self.at - 1]


def _stands_alone(char: str) -> bool:
    return bool(_PLAIN.match(char)) or (not char.isascii() and not char.isspace())


def _escaped(value: str) -> str:
    return re.sub(r"([\\*?])", r"\\\1", value)


def _pieces(pattern: str) -> list[tuple[str, bool]]:
    """Split a pattern into characters, each with whether it stands for itself."""
    return [(match[0][-1], match[0] not in ("*", "?")) for match in re.finditer(r"\\.|.", pattern, re.DOTALL)]


def _quoted(pattern: str) -> str:
    """Write a pattern so that it is read again as the same one."""
    pieces = _pieces(pattern)
    said = "".join(char for char, _ in pieces)
    if all(own for _, own in pieces):
        plain = said and all(map(_stands_alone, said)) and said[0] not in _HEADS
        if plain and said.upper() not in ("AND", "OR", "NOT"):
            return said
        return '"' + re.sub(r'(["\\])', r"\\\1", said) + '"'
    return "".join(
        char if not own or (_stands_alone(char) and char not in _HEADS) else f"\\{char}" for char, own in pieces
    )


@functools.lru_cache(maxsize=512)
def _whole(pattern: str) -> _TEST:
    """Return a test for a whole value. What is absent matches the empty pattern alone."""
    pieces = _pieces(pattern)
    if all(own for _, own in pieces):
        wanted = _folded(pieces)
        return lambda value: value.casefold() == wanted
    return _between_stars(pieces)


@functools.lru_cache(maxsize=512)
def _word(pattern: str) -> _TEST:
    """Return a test for a text anywhere in a value."""
    pieces = _pieces(pattern)
    if all(own for _, own in pieces):
        wanted = _folded(pieces)
        return lambda value: wanted in value.casefold()
    star = ("*", False)
    return _between_stars([star, *pieces, star])


def _folded(pieces: list[tuple[str, bool]]) -> str:
    return "".join(char for char, _ in pieces).casefold()


def _between_stars(pieces: list[tuple[str, bool]]) -> _TEST:
    """Return a test that takes time in proportion to the value, however many stars the pattern has.

    Each part between stars is looked for once, from where the one before it ended: the first place is as good as
    any later one.
    """
    parts = [""]
    for char, own in pieces:
        if not own and char == "*":
            parts.append("")
        else:
            parts[-1] += re.escape(char.casefold()) if own else "."
    middle = [re.compile(part, re.DOTALL) for part in parts[1:-1] if part]
    head, tail = re.compile(parts[0], re.DOTALL), re.compile(f"{parts[-1]}\\Z", re.DOTALL)
    if len(parts) == 1:
        return lambda value: tail.fullmatch(value.casefold()) is not None

    def test(value: str) -> bool:
        value = value.casefold()
        found = head.match(value) if value else None
        for part in middle:
            found = part.search(value, found.end()) if found else None
        return found is not None and tail.search(value, found.end()) is not None

    return test
