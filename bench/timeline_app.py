"""The account screen over a timeline of any length: the app itself, fed through a pipe as a loader feeds it.

``python -m bench.timeline_app app FOLDER COUNT`` is the workstation; it starts ``… feed FOLDER COUNT`` in the place of
a loader. FOLDER holds ``events.ndjson``. Its first COUNT lines come as fast as they can; then the file ``filled``
appears there. Once there is a file ``flow``, the rest of the lines come at :data:`PACE`. For the peers, ``table`` is
Textual's own table of the same lines, and ``append`` lets the rest flow to the end of ``peer.ndjson``.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from workstation.services.timeline.batch import Lines
from workstation.services.timeline.loading.wire import Came, FromLoader, Marked, Stand, packed
from workstation.services.timeline.mapping.configured import reader
from workstation.services.timeline.source import SourceState
from workstation.services.timeline.working.encoder import Encoder
from workstation.services.views import Mark, SourceLine
from workstation.settings import MappingSettings

#: Events a second that flow in, and how many of them come together: a page of a log store.
PACE, PAGE = 50_000, 1_000
#: Lines packed at once while nobody looks.
_BLOCK = 10_000
#: Marks of the rules on the first events.
MARKS = 200
READ = reader(MappingSettings(), "app-log")
#: As a loader: below what the person's own keys need.
NICE = 10


def feed(folder: Path, count: int) -> None:
    """Be a loader of one source: its pages, ten words a second on how it stands, and what the rules found."""
    os.nice(NICE)
    encoder = Encoder(0)
    with (folder / "events.ndjson").open("rb") as lines:
        for first in range(0, count, _BLOCK):
            _send(_page(encoder, lines, min(_BLOCK, count - first)))
        _send(_stand(count, SourceState.LIVE))
        rng = random.Random(5)
        _send(Marked(marks=tuple(_mark(rng.randrange(count)) for _ in range(MARKS)), failed=(), rulebook=b"-"))
        while not (folder / "flow").exists():
            time.sleep(0.05)
        _flow(Encoder(1), lines, count)
    (folder / "dry").touch()
    sys.stdin.read()


def _flow(encoder: Encoder, lines: Iterator[bytes], count: int) -> None:
    began, told = time.perf_counter(), 0.0
    for number in itertools.count(1):
        page = _page(encoder, lines, PAGE)
        if page is None:
            return
        _send(page)
        now = time.perf_counter() - began
        if now - told > 0.1:
            told = now
            _send(_stand(count + number * PAGE, SourceState.LOADING))
        time.sleep(max(0.0, number * PAGE / PACE - now))


def _page(encoder: Encoder, lines: Iterator[bytes], count: int) -> Came | None:
    piece = b"".join(itertools.islice(lines, count))
    return Came(encoder.encode(READ.batch(Lines.of(piece)).batch).to_bytes()) if piece else None


def append(folder: Path, count: int) -> None:
    """Write the lines after the first `count` to the end of ``peer.ndjson``, at the pace at which they flow."""
    with (folder / "events.ndjson").open("rb") as lines, (folder / "peer.ndjson").open("ab", buffering=0) as file:
        rest = itertools.islice(lines, count, None)
        began = time.perf_counter()
        for number in itertools.count(1):
            page = b"".join(itertools.islice(rest, PAGE))
            if not page:
                return
            file.write(page)
            time.sleep(max(0.0, number * PAGE / PACE - (time.perf_counter() - began)))


def _stand(count: int, state: SourceState) -> Stand:
    return Stand(lines=(SourceLine(name="app-log", state=state, events=count),), gaps=())


def _mark(row: int) -> Mark:
    return Mark(rule="bench", title="A rule", severity="low", why="It was drawn.", innocent="", events=(), rows=(row,))


def _send(message: FromLoader | None) -> None:
    if message is not None:
        sys.stdout.buffer.write(packed(message))
        sys.stdout.buffer.flush()


def app(folder: Path, count: int) -> None:
    """Be the workstation, with everything of it but the store: nobody else's case is in this queue."""
    from bench.accounts import END
    from tests.ui.paper_desk import Paper, PaperDesk
    from workstation.app import WorkstationApp
    from workstation.services.clock import FrozenClock
    from workstation.services.timeline.loading.apart import Apart
    from workstation.services.timeline.loading.timeline import Timeline
    from workstation.services.timeline.source import Span
    from workstation.services.timeline.working.columns import WorkingSet
    from workstation.widgets.lean import lean_garbage

    class Desk(PaperDesk):
        async def fill(self) -> None:
            # The sets that the screen is given are the product's own; only the other end of the pipe is made up.
            self.line = Timeline(WorkingSet(directory=folder), ("app-log",), Span(0, 10**16))
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bench.timeline_app", "feed", str(folder), str(count)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            self.line.control = Apart(self.process, self.line, _nothing)
            await self.line.judged()
            (folder / "filled").touch()

        async def timeline(self, account: str, *asked: object, **more: object) -> Timeline:
            return self.line

    paper = Paper(cases=5, events=0)
    # Times of the present year are written with seconds: no two rows in a page look alike.
    paper.clock = FrozenClock(END)
    desk = Desk(paper)
    filling: list[asyncio.Task[None]] = []

    async def connect() -> Desk:
        filling.append(asyncio.create_task(desk.fill()))
        return desk

    program = WorkstationApp(connect, clock=paper.clock)
    lean_garbage()
    program.run()


async def _nothing(what: str, args: tuple[object, ...]) -> None:
    raise ValueError(f"a feeder asks for {what!r}")


def table(folder: Path, count: int) -> None:
    """Be what Textual has for rows: a table of its own with the same events in six columns."""
    import msgspec
    from textual.app import App, ComposeResult
    from textual.widgets import DataTable

    fields = ("@timestamp", "event.action", "event.outcome", "source.ip", "source.geo.country_iso_code", "device.id")

    class Table(App[None]):
        def compose(self) -> ComposeResult:
            yield DataTable(cursor_type="row", id="rows")

        def on_mount(self) -> None:
            rows = self.query_one(DataTable)
            rows.add_columns(*fields)
            with (folder / "events.ndjson").open("rb") as lines:
                for line in itertools.islice(lines, count):
                    event = msgspec.json.decode(line)
                    rows.add_row(*(event.get(field, "") for field in fields))

    Table().run()


if __name__ == "__main__":
    {"app": app, "append": append, "feed": feed, "table": table}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
