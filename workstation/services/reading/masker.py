"""Masking of what leaves the reader: a client's addresses, numbers and names in events and in free text.

Two nets. What the account says of the client (every contact that it has or had, names, user name) is masked wherever it
stands; and whatever looks like an e-mail address or an international number is masked whoever's it is, because an event
may carry an address that the account does not know (yet). Ids, times, actions and outcomes are never touched: a client
may call himself "failure", and the analyst must still read what happened.

A page has a thousand events, and nearly all of the time goes into looking: a page is looked through as one text.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

import msgspec

from workstation.services.accounts.masking import DOTS, mask_name, masked
from workstation.services.accounts.model import Account, ContactKind, Risk
from workstation.services.text import mask_email
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
#: Shorter names would be found inside of everything.
NAME_MIN = 3
#: Digits at the end of a number by which it is recognised with any country code before it (E.164 has up to 15).
TAIL = 8
_FIELD, _EVENT = "\x1f", "\x1e"
_texts = attrgetter(*TEXTS, "raw")
#: Twice the longest local part (RFC 5321, 4.5.3.1.1).
LOCAL_MAX = 128
_NOT_LOCAL = "\"'<>()[]{},;:\\/=|&?@ \x7f" + "".join(map(chr, range(0x20)))
#: Looked for backwards from the @.
_LOCAL = re.compile(rf"[^\s{re.escape(_NOT_LOCAL)}]{{1,{LOCAL_MAX}}}")
_BOUNDS = bytes(0x20 if chr(code) in _NOT_LOCAL else code for code in range(256))
_NUMBER = re.compile(r"\+\d(?:[ ().\-]{0,2}\d){7,14}")
_SEPARATORS = b" ().-/"

#: In place of what was found already; no text that comes here has it, and no word goes over it.
_TAKEN = "\x00"
#: A word goes on with these: a name in the middle of one is another word.
_INSIDE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")

_Span = tuple[int, int, str]


class Masker:
    """Masks for one account.

    Args:
        account: whose data to look for; None where it could not be read: then no name can be recognised, and every text
            in which one may stand is left out, the raw record first.
    """

    def __init__(self, account: Account | None) -> None:
        self._known = account is not None
        self._needles = tuple(_needles(account)) if account is not None else ()
        self._numbers = tuple(_numbers(account)) if account is not None else ()

    def text(self, text: str) -> str:
        """Return `text` masked."""
        return _written(text, self._spans(text)) if text else text

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
        rows = [_joined(event) for event in events]
        page = _EVENT.join(rows)
        spans = self._spans(page)
        if not spans:
            return tuple(events)
        out = list(events)
        for number, start, mine in _by_row(rows, spans):
            row = rows[number]
            if row.count(_FIELD) != len(TEXTS) or mine[-1][1] > start + len(row):
                # A record that holds our separators: each text by itself.
                out[number] = self._alone(out[number])
            else:
                inside = [(begin - start, end - start, mask) for begin, end, mask in mine]
                out[number] = _masked(out[number], row.split(_FIELD), _written(row, inside).split(_FIELD))
        return tuple(out)

    def _alone(self, event: Event) -> Event:
        was = [*_texts(event)[:-1], _decoded(event.raw)]
        return _masked(event, was, [self.text(part) for part in was])

    def _withheld(self, event: Event) -> Event:
        hidden = {name: DOTS if name in NAMED else self.text(v) for name in TEXTS if (v := getattr(event, name))}
        return msgspec.structs.replace(event, **hidden, raw=b"", digest=event.sha256)

    def _spans(self, text: str) -> list[_Span]:
        found: list[_Span] = []
        lower = _lowered(text)
        for needle, mask in self._needles:
            if needle in lower:
                hits = _standing_alone(lower, needle, mask)
                if len(hits) == lower.count(needle):
                    # Taken away, so that nothing shorter is looked for in the same place.
                    lower = lower.replace(needle, _TAKEN * len(needle))
                found += hits
        found += _addresses(text, lower)
        found += _international(text)
        if self._numbers:
            bare = text.encode("utf-8", "surrogatepass").translate(None, _SEPARATORS)
            for tail, pattern in self._numbers:
                if tail in bare:
                    found += ((m.start(), m.end(), DOTS + m[0][-2:]) for m in pattern.finditer(text))
        found.sort()
        return found


def _by_row(rows: list[str], spans: list[_Span]) -> Iterator[tuple[int, int, list[_Span]]]:
    """Yield, of rows that spans begin in, the number, where the row begins in the page, and its spans."""
    place = start = 0
    for number, row in enumerate(rows):
        end = start + len(row)
        first = place
        while place < len(spans) and spans[place][0] <= end:
            place += 1
        if place > first:
            yield number, start, spans[first:place]
        if place == len(spans):
            return
        start = end + 1


def _joined(event: Event) -> str:
    *texts, raw = _texts(event)
    return _FIELD.join(texts) + _FIELD + _decoded(raw)


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _masked(event: Event, was: list[str], now: list[str]) -> Event:
    # zip ends with TEXTS: the last part is the raw record.
    hidden = {name: text for name, text, old in zip(TEXTS, now, was, strict=False) if text != old}
    shown = now[-1].encode("utf-8", "surrogateescape")
    return msgspec.structs.replace(event, **hidden, raw=shown, digest=event.sha256)


def _written(text: str, spans: list[_Span]) -> str:
    """Return `text` with each span replaced; of spans that overlap the first one's mask covers all."""
    out: list[str] = []
    end = 0
    for start, stop, mask in spans:
        if start >= end:
            out += (text[end:start], mask)
        end = max(end, stop)
    out.append(text[end:])
    return "".join(out)


def _addresses(text: str, lower: str) -> Iterator[_Span]:
    """Yield the local part of each address in `lower`: from the last character that cannot be in one, to the @."""
    bounds = lower.encode().translate(_BOUNDS) if lower.isascii() else b""
    for sign in ("@", "%40"):
        at = lower.find(sign)
        while at >= 0:
            nearest = max(0, at - LOCAL_MAX)
            if bounds:
                start = bounds.rfind(b" ", nearest, at) + 1 or nearest
            else:
                local = _LOCAL.match(lower[nearest:at][::-1])
                start = at - local.end() if local else at
            after = text[at + len(sign) : at + len(sign) + 1]
            if start < at and (after.isalnum() or after == "[") and not text.startswith(DOTS, start + 1):
                yield start, at, text[start] + DOTS
            at = lower.find(sign, at + 1)


def _international(text: str) -> Iterator[_Span]:
    if "+" in text:
        for found in _NUMBER.finditer(text):
            yield found.start(), found.end(), DOTS + found[0][-2:]


def _standing_alone(lower: str, needle: str, mask: str) -> list[_Span]:
    """Return where `needle` stands as a word; in scripts without blanks, wherever it stands."""
    found: list[_Span] = []
    inside = _INSIDE if needle.isascii() else frozenset()
    find, size = lower.find, len(needle)
    at = find(needle)
    while at >= 0:
        end = at + size
        if lower[at - 1 : at] not in inside and lower[end : end + 1] not in inside:
            found.append((at, end, mask))
        at = find(needle, end)
    return found


def _lowered(text: str) -> str:
    """Return `text` in lower case with every character in its place; a few letters would become two."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c if len(c.lower()) != 1 else c.lower() for c in text)


def _needles(account: Account) -> Iterator[tuple[str, str]]:
    """Yield what to look for, in lower case, and its mask; the longest first."""
    words = {word for word in _words(account) if len(word) >= NAME_MIN}
    forms = {(_lowered(form), mask_name(word)) for word in words for form in _forms(word)}
    forms |= {(_lowered(c.value), mask_email(c.value)) for c in account.contacts if "@" in c.value}
    yield from sorted(forms, key=lambda pair: (-len(pair[0]), pair))


def _words(account: Account) -> Iterator[str]:
    yield from (word.strip(".,'\"") for word in account.name.split())
    yield account.username.strip()
    for contact in account.contacts:
        if contact.kind is ContactKind.EMAIL:
            local = contact.value.rpartition("@")[0]
            # Often a user name elsewhere; shorter ones are words of any language.
            if len(local) > NAME_MIN + 1:
                yield local


def _forms(word: str) -> Iterable[str]:
    """Yield the ways in which a word is written: composed and not, and as JSON escapes it, once or twice."""
    for form in {unicodedata.normalize(kind, word) for kind in ("NFC", "NFD")} | {word}:
        yield form
        if not form.isascii():
            escaped = json.dumps(form)[1:-1]
            yield escaped
            yield escaped.replace("\\", "\\\\")


def _numbers(account: Account) -> Iterator[tuple[bytes, re.Pattern[str]]]:
    """Yield the last digits of each number and what finds it with its country code and any separators."""
    for contact in account.contacts:
        digits = re.sub(r"\D", "", contact.value) if contact.kind is ContactKind.PHONE else ""
        if len(digits) >= TAIL - 2:
            tail = digits[-TAIL:]
            spaced = r"[ ().\-/]{0,2}".join(tail)
            yield (
                tail.encode(),
                re.compile(rf"(?<![\d])(?:\+?\d(?:[ ().\-/]{{0,2}}\d){{0,6}}[ ().\-/]{{0,2}})?{spaced}(?!\d)"),
            )
