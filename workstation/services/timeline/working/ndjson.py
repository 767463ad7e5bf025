"""Our own export, a line of JSON an event with dotted ECS names (``Event.to_ecs``), read a few thousand lines at once.

This is the straight way into a working set. A line that is written otherwise (nested names, lists, numbers) is read by
itself and costs more; what cannot be read at all is counted, never dropped in silence.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

import msgspec
import numpy as np

from workstation.services.timeline.event import FIELDS, Event, Outcome
from workstation.services.timeline.mapping.records import Unmappable, micros, plain, record_id
from workstation.services.timeline.working.instants import instants

#: Bytes read at once: about a thousand lines. They and what is made of them stay in a processor's cache.
PIECE = 512 * 1024
#: A longer line is no event: the longest record of any of our sources is a thousandth of it.
LINE_MAX = 16 * 1024 * 1024
_SHA256 = re.compile("[0-9a-f]{64}")

#: In the order of an export: a decoder that meets names in its own order does not look for them.
_NAMES = {
    "time": "@timestamp",
    **{attribute: name for name, attribute in FIELDS.items()},
    "ingested": "event.ingested",
    "original": "event.original",
    "hash": "event.hash",
}
_Line = msgspec.defstruct(
    "_Line", [(attribute, str, "") for attribute in _NAMES], rename=_NAMES, frozen=True, gc=False, eq=False
)
_PLACES = {name: place for place, name in enumerate(_NAMES)}
#: One line as texts by attribute; raises msgspec.DecodeError where one of the names has no text.
decode = msgspec.json.Decoder(_Line).decode
_astuple: Callable[[Any], tuple[str, ...]] = msgspec.structs.astuple


class _Outcomes(dict[str, str]):
    """Text → known outcome."""

    def __missing__(self, text: str) -> str:
        # An outcome that we do not know is unknown, never success.
        return Outcome.UNKNOWN.value


_OUTCOMES = _Outcomes({outcome.value: outcome.value for outcome in Outcome})


class Columns(msgspec.Struct, frozen=True):
    """Events by attribute of :class:`Event`, all columns of one length (``Encoder.encode_columns`` takes them).

    ``unreadable`` are the numbers of the lines, from 0, of which no event could be made.
    """

    values: Mapping[str, Sequence[Any]]
    unreadable: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.values["id"])

    def events(self) -> list[Event]:
        """Return the events."""
        names = list(self.values)
        rows = zip(*self.values.values(), strict=True)
        return [Event(**{**dict(zip(names, row, strict=True)), "outcome": Outcome(row[_OUTCOME])}) for row in rows]


_OUTCOME = list(FIELDS.values()).index("outcome")


def columns(data: bytes, source: str = "") -> Columns:
    """Return the events of whole lines.

    The raw record is ``event.original`` where the line has one, else the line itself; with ``event.original`` comes
    the SHA-256 that the export says the record had.

    Args:
        data: lines; empty ones mean nothing.
        source: what an event's source is called where the line does not say.
    """
    lines = data.split(b"\n")
    if not all(lines):
        numbers = [number for number, line in enumerate(lines) if line.strip()]
        lines = [lines[number] for number in numbers]
    else:
        numbers = list(range(len(lines)))
    bad: list[int] = []
    read: list[Any]
    try:
        read = list(map(decode, lines))
    except (msgspec.DecodeError, UnicodeDecodeError):
        read = []
        for place, line in enumerate(lines):
            one = _one(line)
            read.append(_Line() if one is None else one)
            if one is None:
                bad.append(place)
    return _columns(lines, read, bad, numbers, source)


def _columns(lines: list[bytes], read: list[Any], bad: list[int], numbers: list[int], source: str) -> Columns:
    flat = list(itertools.chain.from_iterable(map(_astuple, read)))
    found: dict[str, list[Any]] = {name: flat[place :: len(_PLACES)] for name, place in _PLACES.items()}
    found["time_us"], found["ingested_us"] = _times(found.pop("time"), found.pop("ingested"), bad)
    found["outcome"] = list(map(_OUTCOMES.__getitem__, found["outcome"]))
    originals, hashes = found.pop("original"), found.pop("hash")
    found["raw"], found["digest"] = lines, [""] * len(lines)
    if any(originals):
        found["raw"] = [text.encode() or line for text, line in zip(originals, lines, strict=True)]
        found["digest"] = [
            digest if text and _SHA256.fullmatch(digest) else "" for text, digest in zip(originals, hashes, strict=True)
        ]
    if not all(found["id"]):
        found["id"] = [record_id(name, raw) for name, raw in zip(found["id"], found["raw"], strict=True)]
    if source and not all(found["source"]):
        found["source"] = [name or source for name in found["source"]]
    if bad:
        left_out = set(bad)
        kept = [place not in left_out for place in range(len(lines))]
        found = {name: list(itertools.compress(column, kept)) for name, column in found.items()}
    return Columns(found, tuple(numbers[place] for place in sorted(set(bad))))


def _times(texts: list[str], ingested: list[str], bad: list[int]) -> tuple[list[int], list[int]]:
    """Return both times as microseconds; 0 for what is none, and in `bad` where an event has none."""
    count = len(texts)
    both = texts + ingested if any(ingested) else texts
    found = instants(both)
    for place in np.flatnonzero(found == -1).tolist():
        found[place] = 0
        try:
            # An event whose store did not say when it took it in is nothing to look into.
            found[place] = micros(both[place]) if both[place] or place < count else 0
        except Unmappable:
            bad += [place] if place < count else []
    times: list[int] = found.tolist()
    return times[:count], times[count:] or [0] * count


def _one(line: bytes) -> Any | None:
    """Return a line that is not all texts; None where it is no JSON object."""
    try:
        return decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        record: Any = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    found = ((attribute, record.get(name)) for attribute, name in _NAMES.items())
    return _Line(**{attribute: one if isinstance(one, str) else plain(one) for attribute, one in found})


def pieces(file: IO[bytes], size: int = PIECE, *, begin: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield a file as pieces of whole lines; a line longer than :data:`LINE_MAX` is cut, and unreadable therefore.

    Args:
        file: can be sought in where `begin` is given.
        size: bytes read at once.
        begin: the lines that begin here or later: shares of a file are read by several processes at once.
        end: and before this; None: all.
    """
    at = begin
    if begin:
        file.seek(begin - 1)
        at += len(file.readline()) - 1
    rest = b""
    while (end is None or at < end) and (piece := file.read(size)):
        data = rest + piece
        # From the last byte of the share on: the line that begins before its end is in it as a whole.
        stop = -1 if end is None else data.find(b"\n", end - 1 - at)
        stop = data.rfind(b"\n") if stop < 0 else stop
        if stop < 0 and len(data) < LINE_MAX:
            rest = data
            continue
        stop = len(data) if stop < 0 else stop
        yield data[:stop]
        rest, at = data[stop + 1 :], at + stop + 1
    if rest and (end is None or at < end):
        yield rest
