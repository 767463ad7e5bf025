"""Reads a query character by character: words, phrases, regular expressions, numbers of them bounded."""

from __future__ import annotations

import re

import msgspec

from workstation.services.text import clean
from workstation.services.timeline.query.ast import stands_alone
from workstation.services.timeline.query.errors import (
    MAX_ALL_WILDCARDS,
    MAX_REGEX,
    MAX_TERMS,
    MAX_TEXT,
    MAX_WILDCARDS,
    QueryError,
)
from workstation.services.timeline.query.patterns import escaped

_BLANK = re.compile(r"\s*")
_OPERATOR = re.compile(r"(AND|OR|NOT|and|or|not)(?=[\s()\"]|$)|&&|\|\|")
_MEANING = {"&&": "AND", "||": "OR"}
_FIELD = re.compile(r"([A-Za-z_@][A-Za-z0-9_.@-]*):")
_NO_RANK = {
    "^": "Nothing is ranked here, so ^ means nothing.",
    "~": "Likeness is not understood; * stands for any text and ? for one character.",
}


class Word(msgspec.Struct, frozen=True):
    """A value as it was read: a pattern (``patterns``), whether it was quoted, and where it stood."""

    pattern: str
    phrase: bool
    start: int
    end: int


class Reader:
    """One text, read from left to right. ``at`` is the place of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._terms = 0
        self._wildcards = 0
        if len(text) > MAX_TEXT:
            raise self.error(f"A query has at most {MAX_TEXT:,} characters.", MAX_TEXT, len(text) - MAX_TEXT)

    def error(self, what: str, column: int, length: int = 1, hint: str = "") -> QueryError:
        """Return the error that is about some characters of this text."""
        return QueryError(what, self.text, column, length, hint)

    def more(self) -> bool:
        """Skip blanks; return whether anything is left."""
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]  # matches nothing, too
        return self.at < len(self.text)

    def peek(self) -> str:
        """Return the next character, ``""`` at the end."""
        return self.text[self.at : self.at + 1]

    def operator(self) -> str:
        """Return AND, OR or NOT where one stands next, ``""`` else. It is not taken."""
        found = _OPERATOR.match(self.text, self.at)
        return _MEANING.get(found[0], found[0].upper()) if found else ""

    def take_operator(self) -> None:
        """Go past the operator that stands next."""
        found = _OPERATOR.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def field(self) -> str:
        """Take ``name:`` and return the name as it was typed, ``""`` where none stands next."""
        found = _FIELD.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[1]

    def count_term(self, start: int) -> None:
        """Count one more condition. Raises QueryError."""
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise self.error(f"A query has at most {MAX_TERMS:,} conditions.", start, len(self.text) - start)

    def word(self, after_field: str, until: str = ")") -> Word:
        """Take a value: a phrase, or characters up to a blank or one of `until`.

        Args:
            after_field: the field that it is a value of, ``""`` for a bare word.
            until: characters that end it.

        Raises:
            QueryError: there is none, or a character has a meaning of its own here.
        """
        start = self.at
        if self.peek() == '"':
            return Word(escaped(self._phrase()), True, start, self.at)
        out: list[str] = []
        wildcards = 0
        while (char := self.peek()) and not char.isspace() and char not in until:
            if char == "\\":
                out.append(escaped(self._after_backslash()))
                continue
            if char in "*?":
                wildcards += 1
            elif not stands_alone(char, True):
                raise self.error(*self._not_here(char))
            out.append(char)
            self.at += 1
        if not out:
            raise self.missing(after_field, start)
        self._count_wildcards(wildcards, start)
        return Word("".join(out), False, start, self.at)

    def missing(self, field: str, start: int) -> QueryError:
        """Return the error that a value is missing at `start`."""
        return self.error(f"{field} has no value." if field else "A word is missing here.", start)

    def regex(self) -> str:
        """Take ``/…/`` and return what is between the slashes.

        Raises:
            QueryError: it is never closed, empty or too long.
        """
        start = self.at
        self.at += 1
        out: list[str] = []
        while (char := self.peek()) != "/":
            if not char:
                raise self.error("This / is never closed.", start, hint="A value that begins with / goes into quotes.")
            if char == "\\":
                following = self._after_backslash()
                out.append(following if following == "/" else f"\\{following}")
            else:
                out.append(char)
                self.at += 1
        self.at += 1
        source = "".join(out)
        if not source:
            raise self.error("Nothing is between these slashes.", start, 2)
        if len(source) > MAX_REGEX:
            raise self.error(
                f"A regular expression has at most {MAX_REGEX} characters.", start, self.at - start, "Use * instead."
            )
        return source

    def _phrase(self) -> str:
        opened = self.at
        self.at += 1
        out: list[str] = []
        while (char := self.peek()) != '"':
            if not char:
                raise self.error("This quote is never closed.", opened)
            if char == "\\":
                out.append(self._after_backslash())
            else:
                out.append(char)
                self.at += 1
        self.at += 1
        return "".join(out)

    def _after_backslash(self) -> str:
        if self.at + 1 >= len(self.text):
            raise self.error("A backslash takes the meaning from the next character.", self.at)
        self.at += 2
        return self.text[self.at - 1]

    def _not_here(self, char: str) -> tuple[str, int, int, str]:
        what = _NO_RANK.get(char, f"{clean(char)} has a meaning of its own here.")
        return what, self.at, 1, "Put the value into quotes."

    def _count_wildcards(self, count: int, start: int) -> None:
        self._wildcards += count
        if count > MAX_WILDCARDS:
            raise self.error(f"A value has at most {MAX_WILDCARDS} of * and ?.", start, self.at - start)
        if self._wildcards > MAX_ALL_WILDCARDS:
            raise self.error(f"A query has at most {MAX_ALL_WILDCARDS:,} of * and ?.", start, self.at - start)
