"""A file, or a folder of files, as a source of events: evidence that somebody handed over.

Files are in no order that could be relied on, so they are read once from beginning to end; the events of the account
are sorted, in memory as far as they fit and in an encrypted file without a name beyond that, and given newest first.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import zstandard

from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.logs.file_records import files, records
from workstation.services.connectors.logs.runs import RUN, Runs
from workstation.services.errors import Invalid, SourceDown, SourceMissing
from workstation.services.text import clean
from workstation.services.timeline.batch import Batch, firsts
from workstation.services.timeline.mapping.configured import reader
from workstation.services.timeline.source import ALL, Only, Page, Span
from workstation.settings import FilesSettings, LogSettings, MappingSettings

T = TypeVar("T")

#: Events of a page.
PAGE = 5_000
#: Before the source that a record names: a file says what its writer wanted, and never passes for the log itself.
ORIGIN = "file:"
#: What says whose an event is: here its names, too.
_WHOSE = ("account", "actor", "account_name", "actor_name")
_NONE = Batch.of(())


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The time of the last event, in microseconds, and how many of that moment were given."""

    time_us: int
    given: int


class _Found(msgspec.Struct):
    """What reading the files gave."""

    runs: Runs
    oldest_us: int = 0
    newest_us: int = 0
    unreadable: int = 0
    first_unreadable: str = ""
    broken: dict[str, str] = {}

    @property
    def why(self) -> str:
        some = f"{self.unreadable:,} records could not be read (the first: {self.first_unreadable})"
        return "; ".join([*self.broken.values(), *([some] if self.unreadable else [])])


class FileEvents:
    """An :class:`~workstation.services.timeline.source.EventSource` over files.

    Args:
        name: what rows and gaps call it.
        chosen: which files, and whose events they are.
        mapping: what their records are.
        page: events of a page.
        run: bytes of raw records that are sorted in memory.

    Raises:
        Invalid: the mapping cannot be used.
    """

    def __init__(
        self, name: str, chosen: FilesSettings, mapping: MappingSettings, page: int = PAGE, run: int = RUN
    ) -> None:
        self._name = name
        self._chosen = chosen
        self._read = reader(mapping, name)
        self._page = page
        self._run = run
        self._closed = False

    @property
    def name(self) -> str:
        """The name that rows and gaps show."""
        return self._name

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        """Yield pages newest first, after all files were read.

        An account is found by id or by name, as one that acted or was acted on. What cannot be read is counted and
        makes the pages partial.

        Raises:
            SourceMissing: there is no such file.
            SourceDown: the disk cannot be read, or holds no more.
        """
        if self._closed:
            raise SourceDown(f"{self._name} was closed.", "Open it again.")
        place, stop = _place(cursor), threading.Event()
        found = _Found(Runs(self._run))
        try:
            await _in_a_thread(lambda: self._collect(found, account, span, stop), stop)
            why, covers = found.why, _covers(found, span)
            pages = _paged(_after(map(_once, found.runs.newest_first()), place), self._page)
            place, page = place or _Cursor(span.until_us, 0), await _in_a_thread(lambda: next(pages, _NONE), stop)
            while True:
                coming = await _in_a_thread(lambda: next(pages, None), stop)
                place = _behind(page, place)
                written = msgspec.json.encode(place).decode() if coming is not None else None
                yield Page(events=page, cursor=written, partial=bool(why), why=why, covers=covers)
                if coming is None:
                    return
                page = coming
        finally:
            stop.set()
            found.runs.close()

    async def aclose(self) -> None:
        """Further calls raise; each reading has given back what it held."""
        self._closed = True

    def _collect(self, found: _Found, account: str, span: Span, stop: threading.Event) -> None:
        """Read every file. Raises SourceMissing, SourceDown."""
        path = Path(self._chosen.path)
        try:
            every = files(path, self._chosen.pattern)
        except (OSError, ValueError) as error:
            raise SourceMissing(f"{self._name} cannot be read.", "Check the path in the settings.") from error
        if not every:
            raise SourceMissing(f"{self._name} holds no file.", "Check path and pattern in the settings.")
        for file in every:
            name = clean(file.name, 80)
            try:
                self._file(file, name, found, account, span, stop)
            except Invalid as error:
                found.broken[name] = f"{name}: {error.what}"
            except zstandard.ZstdError:
                found.broken[name] = f"{name}: The compressed data end early or are damaged."
            except OSError as error:
                found.broken[name] = f"{name} cannot be read ({error.strerror})"

    def _file(self, file: Path, name: str, found: _Found, account: str, span: Span, stop: threading.Event) -> None:
        around_us, number = int(file.stat().st_mtime) * 1_000_000, 0
        for raws in records(file):
            if stop.is_set():
                return
            batch, unreadable = self._read.batch(raws, (), [around_us] * len(raws))
            if unreadable:
                found.unreadable += len(unreadable)
                found.first_unreadable = found.first_unreadable or f"{name}, record {number + unreadable[0] + 1:,}"
            number += len(raws)
            if not batch:
                continue
            found.newest_us = max(found.newest_us, int(batch.times.max()))
            found.oldest_us = min(found.oldest_us or int(batch.times.min()), int(batch.times.min()))
            batch = self._about(batch.within(span.since_us, span.until_us), account)
            try:
                found.runs.add(batch.replaced(source=batch.column("source").mapped(lambda name: ORIGIN + name)))
            except OSError as error:
                why = f"This machine's disk takes no more of {self._name} ({error.strerror})."
                raise SourceDown(why, "Make room, or choose a shorter span.") from error

    def _about(self, batch: Batch, account: str) -> Batch:
        if self._chosen.whole:
            return batch
        return batch.taken(np.logical_or.reduce([batch.where(name, account.__eq__) for name in _WHOSE]))


def source(chosen: LogSettings, secret: str, surroundings: Surroundings) -> FileEvents:
    """Return the source of a ``[[logs]]`` table. Raises Invalid."""
    if chosen.files is None:
        raise Invalid(f"{chosen.name} names no file.", "Add [logs.files] with `path` to the settings.")
    return FileEvents(chosen.name, chosen.files, chosen.mapping)


async def _in_a_thread(work: Callable[[], T], stop: threading.Event) -> T:
    """Do `work` off the loop; whoever gives up waits until it has noticed, so that nothing works on what is closed."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({task})
        raise


def _paged(batches: Iterator[Batch], size: int) -> Iterator[Batch]:
    """Cut what comes into pages of `size` events; the last one may have fewer."""
    waiting: list[Batch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += len(batch)
        if count >= size:
            every = Batch.joined(waiting)
            whole = len(every) // size * size
            yield from (every[begin : begin + size] for begin in range(0, whole, size))
            waiting, count = [every[whole:]], len(every) - whole
    if count:
        yield Batch.joined(waiting)


def _behind(page: Batch, place: _Cursor) -> _Cursor:
    """Return the place after a page that began at `place`."""
    if not page:
        return place
    last = int(page.times[-1])
    given = int((page.times == last).sum())
    return _Cursor(last, given + (place.given if place.time_us == last else 0))


def _once(events: Batch) -> Batch:
    """Leave out what the same moment already gave: files of a folder may overlap."""
    same = np.flatnonzero(events.times[1:] == events.times[:-1]) + 1
    if not len(same):
        return events
    names = zip(events.times.tolist(), events.column("source").texts(), events.ids, strict=True)
    return events.taken(firsts(names))


def _after(batches: Iterator[Batch], place: _Cursor | None) -> Iterator[Batch]:
    for batch in batches:
        if place is None:
            yield batch
            continue
        # A moment is never in two batches.
        begin = int(np.searchsorted(-batch.times, -place.time_us))
        at = int((batch.times == place.time_us).sum())
        yield batch[begin + min(at, place.given) :]


def _covers(found: _Found, span: Span) -> Span:
    since = min(max(found.oldest_us, span.since_us), span.until_us) if found.newest_us else span.until_us
    return Span(since, max(min(found.newest_us + 1, span.until_us), since))


def _place(cursor: str | None) -> _Cursor | None:
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(cursor, type=_Cursor)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid("That place in the log cannot be read.", "Load the timeline again.") from error
