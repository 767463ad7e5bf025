"""Masking of what leaves the reader: a client's addresses, numbers and names in events and in free text.

What is found (:mod:`~workstation.services.reading.finding`) is masked; ids, times, actions and outcomes are never
touched: a client may call himself "failure", and the analyst must still read what happened.

A page has a thousand events, and one account's events say the same things again and again. So texts are taken apart
into pieces (a field's value; a member of a raw record), and each piece is looked through once. What comes for the first
time is looked through as one text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from operator import attrgetter
from typing import AnyStr, Generic

import msgspec

from workstation.services.accounts.masking import DOTS, masked
from workstation.services.accounts.model import Account, Risk
from workstation.services.reading.finding import Finder, unescaped, unquoted
from workstation.services.timeline.event import Event

#: The texts of an event in which a client's data may stand.
TEXTS = (
    "native_action",
    "reason",
    "account_name",
    "actor",
    "actor_name",
    "city",
    "as_org",
    "user_agent",
    "device",
    "session",
    "factor",
    "target",
    "risk",
)
#: What is left out of an event when nobody knows whose data to look for.
NAMED = ("reason", "account_name", "actor_name", "device", "user_agent", "target")
#: Characters of pieces that are remembered for one account and kind; ids are new in every record and fill it.
REMEMBERED = 256 * 1024
_COLUMNS = tuple((name, attrgetter(name)) for name in TEXTS)
_raw = attrgetter("raw")
_SEPARATOR = "\x1e"
_BETWEEN = frozenset({_SEPARATOR.encode()})
_RECORD = _SEPARATOR.encode()
#: A masked number that stood in JSON as a number, if it is not within a string; then in which place.
_BARE = re.compile(rf"(?:^|[:\[,])\s*-?{DOTS}\d\d\s*(?:[,}}\]]|$)".encode())
_BARE_OR_STRING = re.compile(rf'"(?:[^"\\]|\\.)*"|-?{DOTS}\d\d'.encode(), re.DOTALL)
_Row = tuple[str, ...]


class Masker:
    """Masks for one account.

    Args:
        account: whose data to look for; None where it could not be read: then no name can be recognised, and every text
            in which one may stand is left out, the raw record first.
    """

    def __init__(self, account: Account | None) -> None:
        self._known = account is not None
        self._finder = Finder(account)
        self._values: _Seen[str] = _Seen(self._texts)
        self._pieces: _Seen[bytes] = _Seen(self._bytes)

    def text(self, text: str) -> str:
        """Return `text` masked."""
        return self._texts([text])[0] if text else text

    def account(self, account: Account) -> Account:
        """Return the account masked, its free texts too."""
        hidden = masked(account)
        return msgspec.structs.replace(
            hidden,
            locks=tuple(msgspec.structs.replace(x, reason=self.text(x.reason)) for x in hidden.locks),
            holds=tuple(msgspec.structs.replace(x, reason=self.text(x.reason)) for x in hidden.holds),
            factors=tuple(msgspec.structs.replace(x, label=self.text(x.label)) for x in hidden.factors),
            sessions=tuple(msgspec.structs.replace(x, device=self.text(x.device)) for x in hidden.sessions),
            standing=tuple(msgspec.structs.replace(x, label=self.text(x.label)) for x in hidden.standing),
        )

    def risk(self, risk: Risk) -> Risk:
        """Return the assessment with its sentences masked."""
        reasons = tuple(msgspec.structs.replace(r, text=self.text(r.text)) for r in risk.reasons)
        return msgspec.structs.replace(risk, reasons=reasons)

    def events(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Return the events masked; one that holds nothing of the kind is returned as it is.

        A masked event carries in `digest` the SHA-256 of the record that the source sent.
        """
        if not events:
            return ()
        if not self._known:
            return tuple(self._withheld(event) for event in events)
        names, was, now = self._fields(events)
        raws = list(map(_raw, events))
        shown = self._raws(raws)
        if not names and shown is raws:
            return tuple(events)
        return tuple(
            msgspec.structs.replace(event, raw=hidden, digest=event.sha256, **dict(zip(names, after, strict=True)))
            if raw != hidden or before != after
            else event
            for event, before, after, raw, hidden in zip(events, was, now, raws, shown, strict=True)
        )

    def _fields(self, events: Sequence[Event]) -> tuple[list[str], Iterable[_Row], Iterable[_Row]]:
        """Return the names of the fields that hold something, and their values, event by event: before and after."""
        columns = {name: list(map(value, events)) for name, value in _COLUMNS}
        different = {name: set(values) for name, values in columns.items()}
        hidden = self._values.hidden(set().union(*different.values()))
        names = [name for name, values in different.items() if not values.isdisjoint(hidden)]
        if not names:
            return names, repeat((), len(events)), repeat((), len(events))
        was = [columns[name] for name in names]
        return names, zip(*was, strict=True), zip(*([hidden.get(v, v) for v in values] for values in was), strict=True)

    def _raws(self, raws: list[bytes]) -> list[bytes]:
        """Return the records as they are shown; the same list where nothing stands in them."""
        cut = _cut(raws[len(raws) // 2])
        pieces = (cut + _RECORD + cut).join(raws).split(cut)
        hidden = self._pieces.hidden(set(pieces) - _BETWEEN)
        if not hidden:
            return raws
        page = cut.join(map(hidden.get, pieces, pieces))
        width = len(cut)
        shown = [row[width:-width] for row in (cut + page + cut).split(_RECORD)]
        if len(shown) != len(raws):
            # A record that holds what we put between two.
            shown = [cut.join([hidden.get(piece, piece) for piece in raw.split(cut)]) for raw in raws]
        if any(map(_BARE.search, hidden.values())):
            shown = [_as_json(raw, now) for raw, now in zip(raws, shown, strict=True)]
        return shown

    def _withheld(self, event: Event) -> Event:
        hidden = {name: DOTS if name in NAMED else self.text(v) for name in TEXTS if (v := getattr(event, name))}
        return msgspec.structs.replace(event, **hidden, raw=b"", digest=event.sha256)

    def _bytes(self, pieces: Sequence[bytes]) -> Sequence[bytes]:
        texts = _RECORD.join(pieces).decode("utf-8", "surrogateescape").split(_SEPARATOR)
        if len(texts) != len(pieces):
            texts = [piece.decode("utf-8", "surrogateescape") for piece in pieces]
        shown = self._texts(texts)
        return pieces if shown is texts else [text.encode("utf-8", "surrogateescape") for text in shown]

    def _texts(self, texts: Sequence[str]) -> Sequence[str]:
        """Return the texts masked: as JSON is read, then as a URL is; the same sequence where they hold nothing."""
        page = _SEPARATOR.join(texts)
        texts = self._read_as(unescaped, "\\u", texts) if "\\u" in page else self._hidden(texts)
        return self._read_as(unquoted, "%", texts) if "%" in page else texts

    def _read_as(self, read: Callable[[str], str], sign: str, texts: Sequence[str]) -> Sequence[str]:
        """Mask what stands in the texts as they are read; one in which nothing stands stays as it was written."""
        plain = [read(text) if sign in text else text for text in texts]
        hidden = self._hidden(plain)
        if hidden is plain:
            return texts
        return [after if after != before else text for text, before, after in zip(texts, plain, hidden, strict=True)]

    def _hidden(self, texts: Sequence[str]) -> Sequence[str]:
        """Mask the texts as one; the same sequence where nothing stands in it."""
        page = _SEPARATOR.join(texts)
        shown = self._finder.hidden(page)
        if shown is page:
            return texts
        hidden = shown.split(_SEPARATOR)
        return hidden if len(hidden) == len(texts) else [self._finder.hidden(text) for text in texts]


class _Seen(Generic[AnyStr]):
    """Pieces that were looked through already; of those that hold nothing and of those that do, so many characters.

    Args:
        look: masks pieces; returns the same sequence where nothing stands in any.
    """

    def __init__(self, look: Callable[[Sequence[AnyStr]], Sequence[AnyStr]]) -> None:
        self._look: Callable[[Sequence[AnyStr]], Sequence[AnyStr]] = look
        self._clean: set[AnyStr] = set()
        self._hidden: dict[AnyStr, AnyStr] = {}
        self._clean_size = self._hidden_size = 0

    def hidden(self, pieces: set[AnyStr]) -> dict[AnyStr, AnyStr]:
        """Return, of `pieces`, those that are shown otherwise, and how."""
        left = pieces - self._clean
        new = tuple(left.difference(self._hidden))
        if new:
            self._learn(new)
        found = {piece: self._hidden[piece] for piece in left if piece in self._hidden}
        if self._clean_size > REMEMBERED:
            self._clean, self._clean_size = set(), 0
        if self._hidden_size > REMEMBERED:
            self._hidden, self._hidden_size = {}, 0
        return found

    def _learn(self, new: tuple[AnyStr, ...]) -> None:
        shown = self._look(new)
        changed = {was: now for was, now in zip(new, shown, strict=True) if was != now} if shown is not new else {}
        self._hidden.update(changed)
        self._clean.update(new if not changed else set(new).difference(changed))
        self._hidden_size += sum(map(len, changed))
        self._clean_size += sum(map(len, new)) - sum(map(len, changed))


def _cut(record: bytes) -> bytes:
    """Return where to cut records like this: between members, else at quotes; nothing that is looked for goes over."""
    tight, loose = record.count(b',"'), record.count(b', "')
    return (b',"' if tight >= loose else b', "') if tight or loose else b'"'


def _as_json(was: bytes, now: bytes) -> bytes:
    """Return the masked record; with masked numbers as strings where it was JSON and would be none."""
    if was == now or _is_json(now) or not _is_json(was):
        return now
    return _BARE_OR_STRING.sub(lambda found: found[0] if found[0][:1] == b'"' else b'"' + found[0] + b'"', now)


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
