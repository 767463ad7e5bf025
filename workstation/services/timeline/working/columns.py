"""The events of one account as columns: appended block by block, asked for as frames that never change."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from workstation.services.timeline.batch import CODED, outcome_of
from workstation.services.timeline.event import Event
from workstation.services.timeline.working.arena import END, ends_of, utf8
from workstation.services.timeline.working.encoder import Block, Encoder
from workstation.services.timeline.working.frame import Codes, Rows, Times
from workstation.services.timeline.working.growing import Growing
from workstation.services.timeline.working.known import Hashes, Known, hashes_of
from workstation.services.timeline.working.order import Order
from workstation.services.timeline.working.raws import MEMORY, Kept, RawLost, Raws
from workstation.services.timeline.working.tables import Tables
from workstation.services.timeline.working.values import Distinct

#: Events that one working set takes; 32-bit row numbers end far beyond it.
LIMIT_EVENTS = 10_000_000
#: Bytes of memory from which on a working set takes no more; with a million events it is at about 200 MiB.
LIMIT_MEMORY = 1024 * 1024 * 1024
#: Events after which the memory is added up again.
_WEIGH = 8_192
Ends = npt.NDArray[np.int64]
_ID = "event.id"
_SOURCE = "event.dataset"


class Snapshot:
    """The events that were there at one moment: a :class:`~workstation.services.timeline.working.frame.Frame`.

    All of its columns have one length, whatever comes in meanwhile, so what is asked of one goes with what is asked of
    another. Any thread may ask.
    """

    def __init__(self, working: WorkingSet, version: int, columns: Mapping[str, Growing], times: tuple[Times, Times]):
        #: What it is a snapshot of; row numbers mean something only in that.
        self.working = working
        self._columns = {name: column.view() for name, column in columns.items()}
        self._times, self._ingested = times
        self._order: Rows | None = None
        #: Counts the changes of the working set: equal versions show the same.
        self.version = version

    def __len__(self) -> int:
        return len(self._times)

    def times(self) -> Times:
        """Return when each event happened, microseconds since the epoch, UTC."""
        return self._times

    def ingested(self) -> Times:
        """Return when its store took each event in; 0 where it did not say."""
        return self._ingested if len(self._ingested) else np.zeros(len(self), np.int64)

    def codes(self, field: str) -> Codes:
        """Return each row's code of an ECS field. Raises KeyError."""
        return np.arange(1, len(self) + 1, dtype=np.uint32) if field == _ID else self._columns[field]

    def values(self, field: str) -> Distinct:
        """Return the distinct values of an ECS field; there may be more than these rows have. Raises KeyError."""
        return self.working.values(field)

    def order(self) -> Rows:
        """Return all rows, newest first; of one instant in the order of their sources, then as they came."""
        if self._order is None:
            rows = self.working.settled()
            self._order = rows if len(rows) == len(self) else rows[rows < len(self)]
        return self._order

    def value(self, row: int, field: str) -> str:
        """Return one value, ``""`` where it is absent. Raises KeyError, IndexError."""
        self._row(row)
        return self.values(field)[row + 1 if field == _ID else int(self._columns[field][row])]

    def peek(self, row: int) -> Event:
        """Return an event without its raw record, which takes a few microseconds. Raises IndexError."""
        self._row(row)
        values: dict[str, Any] = {"id": self.values(_ID)[row + 1]}
        for name, attribute in CODED.items():
            # Most fields of most events are absent.
            code = self._columns[name].item(row)
            values[attribute] = self.values(name)[code] if code else ""
        values["outcome"] = outcome_of(values["outcome"])
        ingested = self._ingested.item(row) if len(self._ingested) else 0
        return Event(**values, time_us=self._times.item(row), ingested_us=ingested)

    def event(self, row: int) -> Event:
        """Return an event as it came, with its raw record.

        Raises:
            IndexError: there is no such row.
            RawLost: the record could not be kept; :meth:`peek` shows the rest.
        """
        seen = self.peek(row)
        return msgspec.structs.replace(
            seen, raw=self.raw(row), digest=self.working.raws.digest(row) if self.working.raws else ""
        )

    def raw(self, row: int) -> bytes:
        """Return an event's raw record. Raises IndexError, RawLost."""
        self._row(row)
        if self.working.raws is None:
            raise RawLost("This working set keeps no raw records.")
        return self.working.raws.raw(row)

    def sha256(self, row: int) -> str:
        """Return the SHA-256 of the record as the source sent it, hexadecimal. Raises IndexError, RawLost."""
        return self.event(row).sha256

    def find(self, source: str, event_id: str) -> int | None:
        """Return the row of an event, None where it is not there."""
        row = self.working.find(source, event_id)
        return row if row is not None and row < len(self) else None

    def _row(self, row: int) -> None:
        if not 0 <= row < len(self):
            raise IndexError(row)


class WorkingSet:
    """The events of one account, each once.

    An event is known by its source and id: one that is there already is left out before it gets a row. One thread may
    append while others ask. Asked itself, it answers about this moment; whoever asks more than one thing takes a
    :meth:`snapshot` first.

    Args:
        raws: keep the raw records.
        limit_events: how many events it takes; what comes later is left out.
        limit_memory: bytes from which on it takes no more blocks.
        raw_memory: bytes of packed raw records that stay in memory; the others go to an encrypted file.
        directory: where that file is made, which has no name; None: where the system keeps temporary files.
        entropy: returns random bytes, for the key of that file.
    """

    def __init__(
        self,
        *,
        raws: bool = True,
        limit_events: int = LIMIT_EVENTS,
        limit_memory: int = LIMIT_MEMORY,
        raw_memory: int = MEMORY,
        directory: Path | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.limit_events = limit_events
        self.limit_memory = limit_memory
        self.raws = Raws(raw_memory, directory, entropy) if raws else None
        #: Events that came although they were there, and events that came when it was full.
        self.duplicates = self.left_out = 0
        self._lock = threading.Lock()
        self._weighed = 0
        self._heavy = False
        self._tables = Tables()
        self._values = self._tables.values
        self._columns = {name: Growing(np.uint8) for name in CODED}
        self._times, self._ingested = Growing(np.int64), Growing(np.int64)
        self._known, self._order = Known(), Order()
        self._now = Snapshot(self, 0, self._columns, (self._times.view(), self._ingested.view()))

    @classmethod
    def of(cls, events: Iterable[Event]) -> WorkingSet:
        """Return a working set of these events, of one feed."""
        working, some = cls(), list(events)
        working.append(Encoder().encode(some))
        return working

    def append(self, block: Block) -> int:
        """Add the events of a block that are not there yet.

        When it is :attr:`full` nothing is added; a block that does not fit altogether is added up to the limit. What
        is left out is counted, and whoever loads should stop and say so: the rest is a gap.

        Returns:
            how many rows it has more than before.

        Raises:
            ValueError: the block is not the next one of its encoder, or is broken; nothing was added.
        """
        with self._lock:
            if self.full:
                self.left_out += block.count
                return 0
            return self._append(block)

    def _append(self, block: Block) -> int:
        first, count = len(self._times), block.count
        times, ends = np.frombuffer(block.times, "<i8"), ends_of(block.ids)
        if not len(times) == len(ends) == count or len(block.ingested) not in (0, 8 * count):
            raise ValueError("a block whose columns differ in length")
        codes = self._tables.take(block)
        sources = np.broadcast_to(codes.get(_SOURCE, np.zeros(1, np.uint8)), count)
        hashes = hashes_of(block.ids, ends, sources)
        kept = self._new_ones(block.ids, ends, sources, hashes)
        room = self.limit_events - first
        if (count if kept is None else len(kept)) > room:
            kept = np.arange(count, dtype=np.int32) if kept is None else kept
            self.left_out += len(kept) - room
            kept = kept[:room]
        if kept is None:
            self._values[_ID].extend(block.ids, ends)
            self._known.extend(hashes)
        else:
            self._values[_ID].extend(_some(block.ids, kept))
            self._known.extend(hashes[kept])
        self._put(block, codes, kept, times)
        return len(self._times) - first

    def _new_ones(self, ids: bytes, ends: Ends, sources: Codes, hashes: Hashes) -> Kept | None:
        """Return which events of a block are not there yet, None for all of them."""
        candidates = self._known.candidates(hashes)
        twice = len(np.unique(hashes)) < len(hashes)
        if not twice and (candidates < 0).all():
            return None
        texts = ids[:-1].split(END)
        new = np.ones(len(ends), np.bool_)
        for place in np.flatnonzero(candidates >= 0).tolist():
            new[place] = self._row_of(int(hashes[place]), int(sources[place]), texts[place]) is None
        if twice:
            seen: set[tuple[int, bytes]] = set()
            for place in np.flatnonzero(new).tolist():
                name = (int(sources[place]), texts[place])
                new[place] = name not in seen
                seen.add(name)
        found: Kept = np.flatnonzero(new).astype(np.int32)
        self.duplicates += len(new) - len(found)
        return None if len(found) == len(new) else found

    def _row_of(self, one: int, source: int, name: bytes) -> int | None:
        sources, ids = self._columns[_SOURCE].view(), self._values[_ID]
        same = (row for row in self._known.rows(one) if sources[row] == source and ids.bytes_of(row + 1) == name)
        return next(same, None)

    def _put(self, block: Block, codes: Mapping[str, Codes], kept: Kept | None, times: Times) -> None:
        first, count = len(self._times), block.count if kept is None else len(kept)
        for name, column in self._columns.items():
            numbers = codes.get(name)
            if numbers is None or len(numbers) < block.count:
                column.fill(0 if numbers is None else int(numbers[0]), count)
            else:
                column.extend(numbers if kept is None else numbers[kept], len(self._values[name]) - 1)
        times = times if kept is None else times[kept]
        self._times.extend(times)
        self._order.extend(times, block.feed)
        self._put_ingested(block.ingested, kept, count)
        if self.raws is not None and count:
            self.raws.extend(first, block.raws, kept, packed=block.packed)
        ingested = self._ingested.view()
        self._now = Snapshot(self, self._now.version + 1, self._columns, (self._times.view(), ingested))
        if len(self._times) - self._weighed >= _WEIGH:
            self._weighed, self._heavy = len(self._times), self.memory >= self.limit_memory

    def _put_ingested(self, data: bytes, kept: Kept | None, count: int) -> None:
        if data and not len(self._ingested):
            self._ingested.fill(0, len(self._times) - count)
        if data:
            ingested = np.frombuffer(data, "<i8")
            self._ingested.extend(ingested if kept is None else ingested[kept])
        elif len(self._ingested):
            self._ingested.fill(0, count)

    @property
    def full(self) -> bool:
        """Whether it takes no more: whoever loads should stop, and say that there is more."""
        return len(self._times) >= self.limit_events or self._heavy

    @property
    def room(self) -> int:
        """How many more events it takes, as far as their number goes."""
        return 0 if self.full else self.limit_events - len(self._times)

    @property
    def memory(self) -> int:
        """Bytes of memory that it takes."""
        columns = sum(column.nbytes for column in (*self._columns.values(), self._times, self._ingested))
        raws = self.raws.nbytes if self.raws else 0
        return columns + self._tables.nbytes + raws + self._known.nbytes + self._order.nbytes

    @property
    def version(self) -> int:
        """Count of the changes: while it stays, nothing changed."""
        return self._now.version

    def snapshot(self) -> Snapshot:
        """Return what is there now; it stays as it is."""
        return self._now

    def settled(self) -> Rows:
        """Return all rows newest first; see :meth:`Snapshot.order`."""
        with self._lock:
            return self._order.settle()

    def find(self, source: str, event_id: str) -> int | None:
        """Return the row of an event, None where it is not there."""
        with self._lock:
            sources, wanted = self._values[_SOURCE], utf8(source)
            code = next((code for code in range(len(sources)) if sources.bytes_of(code) == wanted), None)
            if code is None or not len(self._times):
                return None
            name = utf8(event_id)
            one = hashes_of(name + END, np.array([len(name)]), np.array([code], np.uint32))
            return self._row_of(int(one[0]), code, name)

    def values(self, field: str) -> Distinct:
        """Return the distinct values of an ECS field. Raises KeyError."""
        return self._values[field]

    def close(self) -> None:
        """Forget the raw records, and with them the file and its key."""
        if self.raws is not None:
            self.raws.close()

    def __len__(self) -> int:
        return len(self._now)

    def times(self) -> Times:
        """See :meth:`Snapshot.times`."""
        return self._now.times()

    def ingested(self) -> Times:
        """See :meth:`Snapshot.ingested`."""
        return self._now.ingested()

    def codes(self, field: str) -> Codes:
        """See :meth:`Snapshot.codes`."""
        return self._now.codes(field)

    def order(self) -> Rows:
        """See :meth:`Snapshot.order`."""
        return self._now.order()

    def peek(self, row: int) -> Event:
        """See :meth:`Snapshot.peek`."""
        return self._now.peek(row)

    def event(self, row: int) -> Event:
        """See :meth:`Snapshot.event`."""
        return self._now.event(row)

    def raw(self, row: int) -> bytes:
        """See :meth:`Snapshot.raw`."""
        return self._now.raw(row)

    def sha256(self, row: int) -> str:
        """See :meth:`Snapshot.sha256`."""
        return self._now.sha256(row)


def _some(data: bytes, kept: Kept) -> bytes:
    """Return some of the texts of `data`."""
    texts = data.split(END)
    return b"".join(texts[place] + END for place in kept.tolist())
