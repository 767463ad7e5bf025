"""Reads queries: Lucene's classic syntax, as people know it from Kibana and OpenSearch Dashboards.

``event.action:(login or withdrawal*) and not source.ip:10.0.0.0/8 @timestamp:[now-7d/d TO now] linux``

Operators bind ``not``, then ``and`` and standing side by side, then ``or``. In the brackets of a field, values side
by side are alternatives, as in Lucene: one field seldom has two values at once. ``docs/query.md`` has the whole of it.
Source of the syntax: Apache Lucene, "Query Parser Syntax" (package queryparser.classic).
"""

from __future__ import annotations

import re

from workstation.services.text import clean
from workstation.services.timeline.query import addresses, moments, regex
from workstation.services.timeline.query.ast import (
    EVERYTHING,
    Exists,
    Match,
    Network,
    Node,
    Query,
    Range,
    Regex,
    asking,
    both,
    either,
    negate,
)
from workstation.services.timeline.query.errors import MAX_DEPTH
from workstation.services.timeline.query.fields import NAMES, WORDS, Kind, kind_of, nearest
from workstation.services.timeline.query.patterns import literal
from workstation.services.timeline.query.reader import Reader, Word

_NUMBER = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_TO = re.compile(r"(?:TO|to)(?=\s)")
_END = "])}"


def parse(text: str) -> Query:
    """Read a query. Blank text asks for everything.

    Raises:
        QueryError: with the place of the character that could not be read; nothing else, whatever the text.
    """
    parser = _Parser(Reader(text))
    return asking(parser.query())


class _Parser:
    """Turns one text into a tree by recursive descent; brackets are counted, so the depth is bounded."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.depth = 0

    def query(self) -> Node:
        if not self.reader.more():
            return EVERYTHING
        node = self._choice("")
        if self.reader.more():
            raise self.reader.error("No bracket is open here.", self.reader.at)
        return node

    def _choice(self, field: str) -> Node:
        """Read ``a OR b``. `field` is that of the brackets around, ``""`` outside."""
        reader = self.reader
        parts = [self._beside(field)]
        while reader.more() and reader.operator() == "OR":
            reader.take_operator()
            parts.append(self._beside(field))
        return either(parts)

    def _beside(self, field: str) -> Node:
        """Read what stands side by side. In a field's brackets, what has no sign of its own is an alternative."""
        reader = self.reader
        required: list[Node] = []
        free: list[Node] = []
        while True:
            signed = reader.more() and (reader.peek() in "+-!" or reader.operator() == "NOT")
            node = self._together(field)
            (free if field and not signed else required).append(node)
            if not reader.more() or reader.peek() == ")" or reader.operator() == "OR":
                return both([*([either(free)] if free else []), *required])

    def _together(self, field: str) -> Node:
        """Read ``a AND b``."""
        reader = self.reader
        parts = [self._signed(field)]
        while reader.more() and reader.operator() == "AND":
            reader.take_operator()
            parts.append(self._signed(field))
        return both(parts)

    def _signed(self, field: str) -> Node:
        """Read one part with the signs and ``not`` before it."""
        reader = self.reader
        negated, start = False, -1
        while reader.more():
            sign = reader.peek()
            if reader.operator() == "NOT":
                start = reader.at
                reader.take_operator()
                negated = not negated
            elif sign in "+-!":
                start = -1
                reader.at += 1
                negated ^= sign != "+"
                if reader.peek().isspace():
                    break
            else:
                break
        if not reader.peek() and start >= 0:
            raise reader.error("NOT stands before a term.", start, 3, 'To look for the word, write "not".')
        node = self._part(field)
        return negate(node) if negated else node

    def _part(self, field: str) -> Node:
        reader = self.reader
        start = reader.at
        if word := reader.operator():
            hint = f'To look for the word, write "{word.lower()}".'
            raise reader.error(f"{word} stands between two terms.", start, len(word), hint)
        if reader.peek() == "(":
            return self._brackets(field)
        if field:
            return self._value(field)
        if reader.text.startswith("*:*", start):
            reader.at += 3
            reader.count_term(start)
            return EVERYTHING
        typed = reader.field()
        if not typed:
            return self._value("")
        if typed == "_exists_":
            word_read = reader.word(typed)
            reader.count_term(start)
            return Exists(self._known(literal(word_read.pattern) or "", word_read.start))
        name = self._known(typed, start)
        return self._brackets(name) if reader.peek() == "(" else self._value(name)

    def _known(self, typed: str, start: int) -> str:
        if typed in NAMES:
            return NAMES[typed]
        near = nearest(typed)
        hint = f"Did you mean {near}?" if near else "A value with a colon goes into quotes."
        raise self.reader.error(f"There is no field {clean(typed, 60)}.", start, len(typed), hint)

    def _brackets(self, field: str) -> Node:
        reader = self.reader
        opened = reader.at
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise reader.error(f"Brackets go at most {MAX_DEPTH} deep.", opened)
        reader.at += 1
        if not reader.more():
            raise reader.error("This bracket is never closed.", opened)
        if reader.peek() == ")":
            raise reader.error("Nothing is in these brackets.", opened, reader.at + 1 - opened)
        node = self._choice(field)
        if not reader.more():
            raise reader.error("This bracket is never closed.", opened)
        reader.at += 1  # _choice ends at the end or at a closing bracket
        self.depth -= 1
        return node

    # -- values ------------------------------------------------------------------------------------

    def _value(self, field: str) -> Node:
        reader = self.reader
        start = reader.at
        reader.count_term(start)
        head = reader.peek()
        if not head:
            raise reader.missing(field, start)
        if head == "/":
            return self._regex(field)
        if head in "[{<>":
            if not field:
                raise reader.error("A comparison needs a field: field:>5.", start, hint="Or put it into quotes.")
            return self._span(field) if head in "[{" else self._compared(field)
        return self._matched(field, reader.word(field))

    def _regex(self, field: str) -> Node:
        reader = self.reader
        start = reader.at
        source = reader.regex()
        if field and kind_of(field) in (Kind.TIME, Kind.SAID):
            raise reader.error(f"{field} knows no regular expressions.", start, reader.at - start)
        try:
            regex.whole(source)
        except regex.NoRegex as error:
            what = f"This is no regular expression: {clean(error, 120)}."
            raise reader.error(what, start, reader.at - start, "Use * for any text.") from None
        return Regex(field, source)

    def _matched(self, field: str, word: Word) -> Node:
        if word.pattern == "*" and not word.phrase:
            return Exists(field) if field else EVERYTHING
        kind = kind_of(field)
        if kind is Kind.TIME:
            at = self._bound(field, word)
            return Range(field, at, at)
        said = literal(word.pattern)
        if field in WORDS and (said is None or said not in WORDS[field]):
            hint = f"It is one of {', '.join(WORDS[field])}."
            raise self._wrong(word, f"{field} knows no {clean(literal(word.pattern) or word.pattern, 60)}.", hint)
        if kind is Kind.IP and said is not None and "/" in said and not word.phrase:
            network = addresses.network(said)
            if network is None:
                raise self._wrong(word, "This is no network.", "It is written 10.0.0.0/8 or 2001:db8::/32.")
            return Network(field, network)
        return Match(field, word.pattern)

    def _wrong(self, word: Word, what: str, hint: str = "") -> Exception:
        return self.reader.error(what, word.start, word.end - word.start, hint)

    def _compared(self, field: str) -> Node:
        """Read ``>5``, ``>=5``, ``<5`` or ``<=5``."""
        reader = self.reader
        above = reader.peek() == ">"
        reader.at += 1
        inclusive = reader.peek() == "="
        reader.at += inclusive
        bound = self._bound(field, reader.word(field))
        if above:
            return Range(field, bound, None, inclusive, True)
        return Range(field, None, bound, True, inclusive)

    def _span(self, field: str) -> Node:
        """Read ``[a TO b]``; a brace leaves the end itself out, ``*`` is no end."""
        reader = self.reader
        opened = reader.at
        with_low = reader.peek() == "["
        reader.at += 1
        low = self._end(field, opened)
        if not reader.more() or not _TO.match(reader.text, reader.at):
            raise reader.error("TO is missing in this range: [from TO to].", opened, reader.at - opened)
        reader.at += 2
        high = self._end(field, opened)
        closing = reader.peek() if reader.more() else ""
        if closing not in ("]", "}"):
            raise reader.error("This range is never closed.", opened, max(1, reader.at - opened))
        reader.at += 1
        if low is None and high is None:
            return Exists(field)
        self._same_family(field, low, high, opened)
        return Range(field, low, high, with_low or low is None, closing == "]" or high is None)

    def _end(self, field: str, opened: int) -> str | None:
        reader = self.reader
        if not reader.more():
            raise reader.error("This range is never closed.", opened)
        word = reader.word(field, _END)
        return None if word.pattern == "*" and not word.phrase else self._bound(field, word)

    def _same_family(self, field: str, low: str | None, high: str | None, opened: int) -> None:
        if kind_of(field) is Kind.IP and low is not None and high is not None:
            first, last = addresses.packed(low), addresses.packed(high)
            if first and last and len(first) != len(last):
                what = "A range of addresses is of IPv4 or of IPv6."
                raise self.reader.error(what, opened, self.reader.at - opened)

    def _bound(self, field: str, word: Word) -> str:
        """Return an end of a range, checked against what the field holds."""
        said = literal(word.pattern)
        kind = kind_of(field)
        if said is None:
            raise self._wrong(word, "An end of a range has no wildcards.", "A month is written 2026-11.")
        if kind is Kind.SAID:
            raise self._wrong(word, f"{field} has no order.")
        if kind is Kind.NUMBER and not _NUMBER.fullmatch(said):
            raise self._wrong(word, f"{field} is compared with numbers.", f"To ask for a word, write {field}:word.")
        if kind is Kind.IP and addresses.packed(said) is None:
            raise self._wrong(word, "This is no address.", "A network is written 10.0.0.0/8.")
        if kind is Kind.TIME:
            try:
                moments.span(said, 0)
            except ValueError as error:
                raise self._wrong(word, str(error)) from None
        return said
