"""Where a client's data stands in a text.

Two nets. What the account says of the client (every contact that it has or had, names, user name) is found wherever it
stands as a word, in any case and in any of the forms that JSON and URLs write it in; and whatever looks like an e-mail
address or an international number is found whoever's it is, because an event may carry an address that the account does
not know (yet).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote_from_bytes, unquote_to_bytes

from workstation.services.accounts.masking import DOTS, mask_name
from workstation.services.accounts.model import Account, ContactKind
from workstation.services.text import mask_email

#: Shorter names would be found inside of everything.
NAME_MIN = 3
#: Digits at the end of a number by which it is recognised with any country code before it (E.164 has up to 15).
TAIL = 8
#: Twice the longest local part (RFC 5321, 4.5.3.1.1).
LOCAL_MAX = 128
_NOT_LOCAL = "\"'<>()[]{},;:\\/=|&?@ \x7f" + "".join(map(chr, range(0x20)))
#: Looked for backwards from the @.
_LOCAL = re.compile(rf"[^\s{re.escape(_NOT_LOCAL)}]{{1,{LOCAL_MAX}}}")
_BOUNDS = bytes(0x20 if chr(code) in _NOT_LOCAL else code for code in range(256))
_NUMBER = re.compile(r"\+\d(?:[ ().\-]{0,2}\d){7,14}")
_SEPARATOR = "\x1e"
_WIDE = re.compile(r"[^\x00-\x7f]+")
#: In lower case it is a k, the only character outside of ASCII that becomes one inside.
_KELVIN = "\u212a".encode()
_PLUS = re.compile(rb"\+\d")
_SEPARATORS = b" ().-/"
_BETWEEN = r"[ ().\-/]{0,2}"
#: Before the digits by which a number is recognised, read backwards: up to seven more and a plus.
_BEFORE = re.compile(rf"(?:{_BETWEEN}(?:\d{_BETWEEN}){{0,6}}\d\+?)?(?!\d)")
#: As much as that can be, and one more.
_BEFORE_MAX = 24
#: Quotes, backslashes and controls stand in JSON as escapes only: nothing that is looked for holds one.
_BREAKS = re.compile(r'["\\\x00-\x1f]+')
_UNREADABLE = re.compile(r'["\\\x00-\x1f\udc80-\udcff]+')

#: In place of what was found already, and of escapes; nothing that is looked for holds it, and no word goes over it.
_TAKEN = "\x00"
#: A word goes on with these: a name in the middle of one is another word.
_INSIDE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")

#: What stays escaped when a text is read as JSON (RFC 8259, 7, under however many layers of JSON in JSON) or as a URL.
_ESCAPE = re.compile(r"\\+(?:u[0-9a-fA-F]{4}|[bfnrt])|%(?:[01][0-9a-fA-F]|22|5[cC])")
#: A pair is one character outside of the first plane.
_CODES = re.compile(r"\\+u([dD][89abAB][0-9a-fA-F]{2})\\+u([dD][c-fC-F][0-9a-fA-F]{2})|\\+u([0-9a-fA-F]{4})")
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")

#: Begin, end and what to show instead.
Hit = tuple[int, int, str]


class Finder:
    """Finds one client's data.

    Args:
        account: whose data to look for; None where it could not be read: then only what looks like an address or a
            number is found.
    """

    def __init__(self, account: Account | None) -> None:
        self._needles = tuple(_needles(account)) if account is not None else ()
        self._numbers = tuple(_numbers(account)) if account is not None else ()
        words = [needle for needle, _ in self._needles if "@" not in needle]
        runs = [max(_WIDE.split(word), key=len).encode() for word in words]
        #: Where none of these stands, nothing longer stands.
        self._roots = tuple(
            {r for r in runs if len(r) >= NAME_MIN and not any(o in r for o in runs if len(o) >= NAME_MIN and o != r)}
        )
        self._wide = any(len(run) < NAME_MIN for run in runs)

    def masked(self, texts: Sequence[str]) -> Sequence[str]:
        """Return the texts masked: as JSON is read, then as a URL is; the same sequence where they hold nothing."""
        page = _SEPARATOR.join(texts)
        if not self.possible(page.encode("utf-8", "surrogatepass")):
            return texts
        texts = self._read_as(unescaped, "\\u", texts) if "\\u" in page else self._together(texts)
        return self._read_as(unquoted, "%", texts) if "%" in page else texts

    def possible(self, page: bytes) -> bool:
        """Return whether anything can stand in `page`; False is certain, and took a tenth of looking for it."""
        # One byte is found ten times as fast as two, and ECS has a field "@timestamp" in every record.
        if b"%" in page or (b"\\" in page and b"\\u" in page) or _PLUS.search(page):
            return True
        settled = page.count(b'"@timestamp"') + page.count(b'\x1e@timestamp"') + page.startswith(b"@timestamp")
        if page.count(b"@") > settled:
            return True
        lower = page.lower()
        if any(root in lower for root in self._roots) or (b"\xaa" in page and _KELVIN in page):
            return True
        if self._wide and not page.isascii():
            return True
        bare = page.translate(None, _SEPARATORS) if self._numbers else b""
        return any(tail in bare for tail, _ in self._numbers)

    def hits(self, text: str) -> list[Hit]:
        """Return what stands in `text`, the first first; hits may overlap."""
        if "\\" in text or "%" in text:
            text = _ESCAPE.sub(_blank, text)
        found: list[Hit] = []
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
                    found += _numbered(text, pattern)
        found.sort()
        return found

    def _read_as(self, read: Callable[[str], str], sign: str, texts: Sequence[str]) -> Sequence[str]:
        """Mask what stands in the texts as they are read; one in which nothing stands stays as it was written."""
        plain = [read(text) if sign in text else text for text in texts]
        hidden = self._together(plain)
        if hidden is plain:
            return texts
        return [after if after != before else text for text, before, after in zip(texts, plain, hidden, strict=True)]

    def _together(self, texts: Sequence[str]) -> Sequence[str]:
        """Mask the texts as one; the same sequence where nothing stands in it."""
        page = _SEPARATOR.join(texts)
        hits = self.hits(page)
        if not hits:
            return texts
        hidden = _written(page, hits).split(_SEPARATOR)
        return hidden if len(hidden) == len(texts) else [_written(text, self.hits(text)) for text in texts]


def unescaped(text: str) -> str:
    """Return `text` with characters in place of JSON's ``\\uXXXX``; those that JSON must escape stay as they are."""
    return _CODES.sub(_characters, text)


def unquoted(text: str) -> str:
    """Return `text` with characters in place of a URL's ``%XX`` (RFC 3986, 2.1), where JSON may hold them."""
    return _PERCENT.sub(_octets, text)


def _characters(found: re.Match[str]) -> str:
    plain = bytes.fromhex("".join(filter(None, found.groups()))).decode("utf-16-be", "surrogatepass")
    return found[0] if _BREAKS.match(plain) or "\ud800" <= plain <= "\udfff" else plain


def _octets(found: re.Match[str]) -> str:
    # What is no UTF-8 comes out as lone surrogates, and goes back to what it was.
    plain = unquote_to_bytes(found[0]).decode("utf-8", "surrogateescape")
    return _UNREADABLE.sub(lambda part: quote_from_bytes(part[0].encode("utf-8", "surrogateescape"), ""), plain)


def _blank(found: re.Match[str]) -> str:
    return _TAKEN * len(found[0])


def _written(text: str, hits: list[Hit]) -> str:
    """Return `text` with each hit replaced; of hits that overlap the first one's mask covers all."""
    out: list[str] = []
    end = 0
    for start, stop, mask in hits:
        if start >= end:
            out += (text[end:start], mask)
        if stop > end:
            end = stop
    out.append(text[end:])
    return "".join(out)


def _addresses(text: str, lower: str) -> Iterator[Hit]:
    """Yield the local part of each address in `lower`: from the last character that cannot be in one, to the @."""
    if "@" not in lower and "%" not in lower:
        return
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


def _international(text: str) -> Iterator[Hit]:
    if "+" in text:
        for found in _NUMBER.finditer(text):
            start, end = found.span()
            yield start, end, DOTS + text[end - 2 : end]


def _numbered(text: str, tail: re.Pattern[str]) -> Iterator[Hit]:
    for found in tail.finditer(text):
        start, end = found.span()
        # From the end backwards: forwards every digit of the text could be where it begins.
        before = _BEFORE.match(text[max(0, start - _BEFORE_MAX) : start][::-1])
        if before:
            yield start - before.end(), end, DOTS + text[end - 2 : end]


def _standing_alone(lower: str, needle: str, mask: str) -> list[Hit]:
    """Return where `needle` stands as a word; in scripts without blanks, wherever it stands."""
    found: list[Hit] = []
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
    addresses = {c.value for c in account.contacts if "@" in c.value and not _BREAKS.search(c.value)}
    forms |= {(_lowered(value), mask_email(value)) for value in addresses}
    yield from sorted(forms, key=lambda pair: (-len(pair[0]), pair))


def _words(account: Account) -> Iterator[str]:
    yield from (part.strip(".,'") for word in account.name.split() for part in _BREAKS.split(word))
    yield from (part.strip() for part in _BREAKS.split(account.username))
    for contact in account.contacts:
        if contact.kind is ContactKind.EMAIL:
            # Often a user name elsewhere; shorter ones are words of any language.
            local = contact.value.rpartition("@")[0]
            yield from (part for part in _BREAKS.split(local) if len(part) > NAME_MIN + 1)


def _forms(word: str) -> set[str]:
    """Return the ways in which a word is written: composed and not."""
    return {unicodedata.normalize(kind, word) for kind in ("NFC", "NFD")} | {word}


def _numbers(account: Account) -> Iterator[tuple[bytes, re.Pattern[str]]]:
    """Yield the last digits of each number and what finds them with any separators."""
    for contact in account.contacts:
        digits = re.sub(r"\D", "", contact.value) if contact.kind is ContactKind.PHONE else ""
        if len(digits) >= TAIL - 2:
            tail = digits[-TAIL:]
            yield tail.encode(), re.compile(_BETWEEN.join(tail) + r"(?!\d)")
