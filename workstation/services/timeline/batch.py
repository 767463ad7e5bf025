"""Events of one source as columns, on their way from a connector to the working set.

A million events are not a million objects: what most of them have in common is looked at once a batch. Read as a
sequence, a batch makes the events that it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, compress, repeat
from operator import attrgetter
from typing import Any, NamedTuple, overload

import msgspec
import numpy as np
import numpy.typing as npt

from workstation.services.timeline.event import FIELDS, Event, Outcome

#: Attributes of an event that have a column of distinct values. An id has none: every event has its own.
CODED = {name: attribute for name, attribute in FIELDS.items() if name != "event.id"}
#: What a time must lie within to be shown at all: the years 1 to 9999, microseconds.
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
_NEWLINE = 10
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_PLACES = {name: place for place, name in enumerate(Event.__struct_fields__)}
_WIDTH = len(_PLACES)
_astuple: Callable[[Event], tuple[Any, ...]] = msgspec.structs.astuple
_said = attrgetter("_value_")

Codes = npt.NDArray[np.unsignedinteger[Any]]
Times = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


class Column(NamedTuple):
    """One field: values, and for each event which of them it has. A value may stand in it twice, or for no event."""

    values: list[str]
    codes: Codes

    def empty(self) -> Mask:
        """Return which events have no value."""
        found: Mask = np.array([not value for value in self.values], np.bool_)[self.codes]
        return found

    def texts(self) -> list[str]:
        """Return each event's value."""
        return list(map(self.values.__getitem__, self.codes.tolist()))

    def mapped(self, change: Callable[[str], str]) -> Column:
        """Return the column with other values."""
        return Column(list(map(change, self.values)), self.codes)

    def filled(self, other: Column, where: Mask) -> Column:
        """Return the column with the values of `other` where told to."""
        ours, theirs = self.codes.astype(np.uint32), other.codes.astype(np.uint32) + np.uint32(len(self.values))
        return Column(self.values + other.values, np.where(where, theirs, ours))

    def taken(self, rows: Places | Mask) -> Column | None:
        """Return the column of some events, without the values of the others; None where none has a value."""
        codes = self.codes[rows]
        if len(self.values) > 2 * len(codes):
            few, places = np.unique(codes, return_inverse=True)
            values = list(map(self.values.__getitem__, few.tolist()))
            return Column(values, places.astype(np.uint32)) if any(values) else None
        used = np.zeros(len(self.values), np.bool_)
        used[codes] = True
        if used.all():
            return Column(self.values, codes)
        values = list(compress(self.values, used.tolist()))
        if not any(values):
            return None
        return Column(values, (np.cumsum(used, dtype=np.uint32) - np.uint32(1))[codes])


class _Codes(dict[Any, int]):
    """Value → code; a new value gets the next one."""

    def __missing__(self, value: Any) -> int:
        code = self[value] = len(self)
        return code


def constant(value: str, count: int) -> Column:
    """Return a column with one value."""
    return Column([value], np.zeros(count, np.uint8))


def coded(column: Sequence[Any]) -> Column:
    """Return values as a column; what is no text stays as it is. Raises TypeError: one of them cannot be a key."""
    count = len(column)
    first = column[0] if count else ""
    # Most fields of an account's page have one value: that is cheaper to see than to look each of them up.
    if not count or (first == column[-1] == column[count // 2] and column.count(first) == count):
        return constant(first, count)
    codes = _Codes()
    found = list(map(codes.__getitem__, column))
    small = len(codes) <= 0x100
    return Column(list(codes), np.frombuffer(bytes(found), np.uint8) if small else np.fromiter(found, "<u4", count))


class Lines(Sequence[bytes]):
    """Records that lie in one piece of memory, cut out when they are asked for.

    Args:
        data: the piece.
        starts: where each record starts.
        ends: where each ends.
    """

    __slots__ = ("data", "ends", "starts")

    def __init__(self, data: bytes, starts: Times, ends: Times) -> None:
        self.data = data
        self.starts = starts
        self.ends = ends

    @classmethod
    def of(cls, data: bytes) -> Lines:
        """Return the lines of `data`, each without its end (LF or CRLF); blank ones are none."""
        found = np.flatnonzero(np.frombuffer(data, np.uint8) == _NEWLINE)
        ends = np.append(found, len(data))
        starts = np.concatenate((np.zeros(1, np.int64), found + 1))
        octets = np.frombuffer(data + b"\n", np.uint8)
        ends -= (ends > starts) & (octets[ends - 1] == ord("\r"))
        kept = (ends > starts) & (octets[starts] > ord(" "))
        for place in np.flatnonzero((ends > starts) & ~kept).tolist():
            kept[place] = not data[starts[place] : ends[place]].isspace()
        return cls(data, starts, ends) if kept.all() else cls(data, starts[kept], ends[kept])

    @property
    def parted_by(self) -> int | None:
        """How many bytes end each line but the last; None where that differs, or lines of the piece are left out.

        Equal distances alone say nothing: every second line of one length is at equal distances, too.
        """
        if len(self.starts) < 2:
            return None
        between = self.starts[1:] - self.ends[:-1]
        width = int(between[0])
        return width if 1 <= width <= 2 and bool((between == width).all()) else None

    @property
    def are_objects(self) -> bool:
        """Whether each begins and ends with a brace: then no JSON value but a whole one can lie between two of them."""
        octets = np.frombuffer(self.data, np.uint8)
        return bool((octets[self.starts] == ord("{")).all() and (octets[self.ends - 1] == ord("}")).all())

    @property
    def body(self) -> bytes:
        """From the first record to the end of the last."""
        return self.data[int(self.starts[0]) : int(self.ends[-1])] if len(self.starts) else b""

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[bytes]:
        data = self.data
        return iter([data[begin:end] for begin, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True)])

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> Lines: ...

    def __getitem__(self, place: int | slice) -> bytes | Lines:
        if isinstance(place, slice):
            return Lines(self.data, self.starts[place], self.ends[place])
        return self.data[self.starts[place] : self.ends[place]]


def chosen(raws: Sequence[bytes], rows: Places) -> Sequence[bytes]:
    """Return some of the records. A few of many lines do not keep the memory of all of them."""
    if isinstance(raws, Lines) and 2 * len(rows) > len(raws):
        return Lines(raws.data, raws.starts[rows], raws.ends[rows])
    return list(map(raws.__getitem__, rows.tolist()))


def size_of(raws: Sequence[bytes]) -> int:
    """Return how many bytes the records have."""
    return int((raws.ends - raws.starts).sum()) if isinstance(raws, Lines) else sum(map(len, raws))


class Batch(Sequence[Event]):
    """Events of one source, in the order in which they came.

    Args:
        ids: of each.
        times: when each happened, microseconds since the epoch, UTC.
        columns: by attribute of :class:`Event`; one that no event has may be left out.
        raws: the raw records.
        ingested: when its store took each in, microseconds; 0, or none at all, where that is not said.
        digests: see :class:`Event`; none where no record was changed.
    """

    __slots__ = ("columns", "digests", "ids", "ingested", "raws", "times")

    def __init__(
        self,
        ids: list[str],
        times: Times,
        columns: Mapping[str, Column],
        raws: Sequence[bytes],
        ingested: Times | None = None,
        digests: Sequence[str] = (),
    ) -> None:
        self.ids = ids
        self.times = times
        self.columns = columns
        self.raws = raws
        self.ingested = ingested if ingested is not None and ingested.any() else None
        self.digests = digests if any(digests) else ()

    @classmethod
    def of(cls, events: Sequence[Event]) -> Batch:
        """Return events as columns. A time that no integer of 64 bits holds is the nearest that can be shown."""
        if isinstance(events, Batch):
            return events
        flat = list(chain.from_iterable(map(_astuple, events)))
        every = {name: flat[place::_WIDTH] for name, place in _PLACES.items()}
        every["outcome"] = list(map(_said, every["outcome"]))
        columns = {name: column for name in CODED.values() if any((column := coded(every[name])).values)}
        times, ingested = instants(every["time_us"]), instants(every["ingested_us"])
        return cls(every["id"], times, columns, every["raw"], ingested, every["digest"])

    @classmethod
    def joined(cls, parts: Sequence[Batch]) -> Batch:
        """Return batches as one, in their order."""
        parts = [part for part in parts if len(part)]
        if len(parts) < 2:
            return parts[0] if parts else cls.of(())
        names = {name: None for part in parts for name in part.columns}
        columns = {name: _joined([(part.columns.get(name), len(part)) for part in parts]) for name in names}
        none = any(part.ingested is not None for part in parts)
        return cls(
            list(chain.from_iterable(part.ids for part in parts)),
            np.concatenate([part.times for part in parts]),
            columns,
            _records([part.raws for part in parts]),
            np.concatenate([_or_zeros(part.ingested, len(part)) for part in parts]) if none else None,
            list(chain.from_iterable(part.digests or [""] * len(part) for part in parts)),
        )

    def taken(self, rows: Places | Mask) -> Batch:
        """Return some of the events, in the order of `rows`: their places, or which ones in their own order."""
        if rows.dtype == np.bool_ and rows.all():
            return self
        rows = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows.astype(np.intp, copy=False)
        columns = {name: found for name, column in self.columns.items() if (found := column.taken(rows)) is not None}
        some = rows.tolist()
        return Batch(
            list(map(self.ids.__getitem__, some)),
            self.times[rows],
            columns,
            chosen(self.raws, rows),
            None if self.ingested is None else self.ingested[rows],
            list(map(self.digests.__getitem__, some)) if self.digests else (),
        )

    def within(self, since_us: int, until_us: int) -> Batch:
        """Return the events from one time up to, not including, another."""
        return self.taken((self.times >= since_us) & (self.times < until_us))

    def once(self) -> Batch:
        """Return the events, of those with the same id the first."""
        return self if len(set(self.ids)) == len(self) else self.taken(firsts(self.ids))

    def newest_first(self) -> Batch:
        """Return the events newest first; those of one moment stay in their order."""
        times = self.times
        if (times[1:] <= times[:-1]).all():
            return self
        return self.taken(np.argsort(-times, kind="stable"))

    def column(self, attribute: str) -> Column:
        """Return the column of an attribute, also where no event has it."""
        return self.columns.get(attribute) or constant("", len(self))

    def where(self, attribute: str, test: Callable[[str], bool]) -> Mask:
        """Return for which events an attribute's value passes a test, which is asked once a value."""
        column = self.column(attribute)
        found: Mask = np.array(list(map(test, column.values)), np.bool_)[column.codes]
        return found

    def at_times(self, times: Times) -> Batch:
        """Return the events at other times, microseconds."""
        return Batch(self.ids, times, self.columns, self.raws, self.ingested, self.digests)

    def of_records(self, raws: Sequence[bytes]) -> Batch:
        """Return the events with other raw records."""
        return Batch(self.ids, self.times, self.columns, raws, self.ingested, self.digests)

    def replaced(self, **columns: Column) -> Batch:
        """Return the events with other columns."""
        return Batch(self.ids, self.times, {**self.columns, **columns}, self.raws, self.ingested, self.digests)

    def __iter__(self) -> Iterator[Event]:
        """Make all events, which costs less each than one by one."""
        names = list(self.columns)
        texts = [column.texts() for column in self.columns.values()]
        ingested = repeat(0) if self.ingested is None else self.ingested.tolist()
        digests = self.digests or repeat("")
        rest = zip(self.ids, self.times.tolist(), ingested, self.raws, digests, strict=False)
        rows = zip(*texts, strict=True) if texts else repeat(())
        for (own, us, ingested_us, raw, digest), row in zip(rest, rows, strict=False):
            values: dict[str, Any] = {"source": "", "action": "", **dict(zip(names, row, strict=True))}
            values["outcome"] = outcome_of(values.get("outcome", ""))
            yield Event(**values, id=own, time_us=us, ingested_us=ingested_us, raw=raw, digest=digest)

    def __len__(self) -> int:
        return len(self.times)

    @overload
    def __getitem__(self, place: int) -> Event: ...
    @overload
    def __getitem__(self, place: slice) -> Batch: ...

    def __getitem__(self, place: int | slice) -> Event | Batch:
        if isinstance(place, slice):
            rows = range(len(self))[place]
            return self if rows == range(len(self)) else self.taken(np.arange(rows.start, rows.stop, rows.step))
        values: dict[str, Any] = {name: column.values[column.codes[place]] for name, column in self.columns.items()}
        values["outcome"] = outcome_of(values.get("outcome", ""))
        return Event(
            **{"source": "", "action": "", **values},
            id=self.ids[place],
            time_us=int(self.times[place]),
            ingested_us=0 if self.ingested is None else int(self.ingested[place]),
            raw=self.raws[place],
            digest=self.digests[place] if self.digests else "",
        )


def outcome_of(text: str) -> Outcome:
    """Return the outcome that a value stands for; what is absent or unheard of is unknown."""
    return _OUTCOMES.get(text, Outcome.UNKNOWN)


def firsts(names: Iterable[Hashable]) -> Places:
    """Return the places of names that did not stand before, in their order."""
    seen: dict[Hashable, int] = {}
    for place, name in enumerate(names):
        seen.setdefault(name, place)
    return np.fromiter(seen.values(), np.intp, len(seen))


def instants(column: Sequence[int]) -> Times:
    """Return microseconds as an array; beyond the years 1 to 9999 the first or the last instant of them."""
    found: Times
    try:
        found = np.fromiter(column, "<i8", len(column))
    except OverflowError:
        found = np.fromiter((min(max(us, _FIRST_US), _LAST_US) for us in column), "<i8", len(column))
    found.clip(_FIRST_US, _LAST_US, out=found)
    return found


def _joined(parts: Sequence[tuple[Column | None, int]]) -> Column:
    every = _Codes()
    codes = []
    for column, count in parts:
        column = column or constant("", count)
        table = np.fromiter(map(every.__getitem__, column.values), np.uint32, len(column.values))
        codes.append(table[column.codes])
    return Column(list(every), np.concatenate(codes))


def _records(parts: Sequence[Sequence[bytes]]) -> Sequence[bytes]:
    """Return all records; lines of one piece stay that."""
    first = parts[0]
    lines = [part for part in parts if isinstance(part, Lines) and isinstance(first, Lines) and part.data is first.data]
    if isinstance(first, Lines) and len(lines) == len(parts):
        starts, ends = np.concatenate([part.starts for part in lines]), np.concatenate([part.ends for part in lines])
        return Lines(first.data, starts, ends)
    return list(chain.from_iterable(parts))


def _or_zeros(times: Times | None, count: int) -> Times:
    return np.zeros(count, np.int64) if times is None else times
