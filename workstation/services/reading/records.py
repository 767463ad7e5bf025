"""Raw records as they are shown.

One account's records say the same things again and again. So a page of them is cut into pieces (the members of JSON
objects), each piece is looked through once, and what comes for the first time is looked through as one text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import AnyStr, Generic

import msgspec

from workstation.services.accounts.masking import DOTS
from workstation.services.reading.finding import Finder

#: Characters that are remembered of one account's pieces; ids are new in every record and fill it.
REMEMBERED = 256 * 1024
#: Up to so many pieces are replaced in a page one after the other; more in one go over all of its pieces.
FEW = 2
_RECORD = b"\x1e"
#: A masked number that stood in JSON as a number, if it is not within a string; then in which place.
_BARE = re.compile(rf"(?:^|[:\[,])\s*-?{DOTS}\d\d\s*(?:[,}}\]]|$)".encode())
_BARE_OR_STRING = re.compile(rf'"(?:[^"\\]|\\.)*"|-?{DOTS}\d\d'.encode(), re.DOTALL)


class Seen(Generic[AnyStr]):
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
        found = {piece: self._hidden[piece] for piece in left.intersection(self._hidden)}
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


class Records:
    """Masks raw records of one account.

    Args:
        finder: of the account.
    """

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._pieces: Seen[bytes] = Seen(self._masked)

    def shown(self, raws: list[bytes]) -> list[bytes]:
        """Return the records masked; the same list where nothing stands in them."""
        cut = _cut(raws[len(raws) // 2])
        page = cut + (cut + _RECORD + cut).join(raws) + cut
        pieces = page.split(cut)
        different = set(pieces)
        different.discard(_RECORD)
        hidden = self._pieces.hidden(different)
        if not hidden:
            return raws
        few = len(hidden) <= FEW and not _in_a_row(page, cut, hidden)
        shown = _rows(
            _replaced(page, cut, hidden) if few else cut.join(map(hidden.get, pieces, pieces)), cut, len(raws)
        )
        if not shown:
            shown = [cut.join([hidden.get(piece, piece) for piece in raw.split(cut)]) for raw in raws]
        if any(map(_BARE.search, hidden.values())):
            shown = [_as_json(raw, now) for raw, now in zip(raws, shown, strict=True)]
        return shown

    def _masked(self, pieces: Sequence[bytes]) -> Sequence[bytes]:
        if not self._finder.possible(_RECORD.join(pieces)):
            return pieces
        texts = [piece.decode("utf-8", "surrogateescape") for piece in pieces]
        shown = self._finder.masked(texts)
        return pieces if shown is texts else [text.encode("utf-8", "surrogateescape") for text in shown]


def _in_a_row(page: bytes, cut: bytes, hidden: dict[bytes, bytes]) -> bool:
    """Return whether a piece stands twice in a row: then the cut between belongs to both."""
    return any(cut + piece + cut + piece + cut in page for piece in hidden)


def _replaced(page: bytes, cut: bytes, hidden: dict[bytes, bytes]) -> bytes:
    for piece, mask in hidden.items():
        page = page.replace(cut + piece + cut, cut + mask + cut)
    return page


def _rows(page: bytes, cut: bytes, count: int) -> list[bytes]:
    """Return a page's records; none where a record holds what we put between two."""
    width = len(cut)
    rows = [row[width:-width] for row in page.split(_RECORD)]
    return rows if len(rows) == count else []


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
