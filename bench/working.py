"""The working set of one account with a million events: how fast it fills, answers and is shown, and what it takes.

Each of the two ways to fill it runs in processes of their own: alone, and behind a loader that reads and encodes, as
the workstation does it. Every question is asked anew each time, of values that were not asked for before.
"""

from __future__ import annotations

import asyncio
import json
import random
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
import numpy as np

from bench.accounts import ACCOUNT, lines, short_lines
from bench.fetch import into_working_set
from bench.rows import Row
from workstation.services.connectors.logs.files import FileEvents
from workstation.services.garbage import look_less
from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.mapping.configured import reader
from workstation.services.timeline.mapping.reading import read_pieces
from workstation.services.timeline.source import Gap, Span
from workstation.services.timeline.working.columns import Snapshot, WorkingSet
from workstation.services.timeline.working.encoder import Block, Encoder
from workstation.services.timeline.working.lookup import anywhere, rows_where
from workstation.services.timeline.working.shown import Shown, show
from workstation.services.timeline.working.summary import facets, histogram
from workstation.settings import FilesSettings, MappingSettings

COUNT = 1_000_000
RUNS = 40
_LENGTH = struct.Struct("<I")
_FACETS = ("event.action", "event.outcome", "source.ip", "user_agent.original", "session.id", "target.id", "device.id")


def _blocks(path: str, share: int = 0, shares: int = 1) -> Iterator[Block]:
    read, encoder, size = reader(MappingSettings(), "app-log").batch, Encoder(share), Path(path).stat().st_size
    with Path(path).open("rb") as file:
        for lines_ in read_pieces(cast(BinaryIO, _Share(file, size * share // shares, size * (share + 1) // shares))):
            yield encoder.encode(read(lines_).batch)


class _Share:
    """The lines of a file that begin within a share of it."""

    def __init__(self, file: BinaryIO, begin: int, end: int) -> None:
        self._file = file
        self._left = end - begin
        if begin:
            file.seek(begin - 1)
            self._left -= len(file.readline()) - 1

    def read(self, size: int) -> bytes:
        """Return what is next, at the end with the rest of the last line."""
        if self._left <= 0:
            return b""
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data if self._left > 0 or data.endswith(b"\n") else data + self._file.readline()


def _send(path: str, share: int, shares: int) -> None:
    """Be a loader: write each block behind its length."""
    out = sys.stdout.buffer
    for block in _blocks(path, share, shares):
        data = block.to_bytes()
        out.write(_LENGTH.pack(len(data)) + data)
    out.flush()


def _received(path: str, shares: int) -> Iterator[Block]:
    """Yield what so many loaders read, a block of each in turn."""
    command = [sys.executable, "-m", "bench.working", "send", path]
    loaders = [subprocess.Popen([*command, str(share), str(shares)], stdout=subprocess.PIPE) for share in range(shares)]
    pipes = [loader.stdout for loader in loaders if loader.stdout is not None]
    while pipes:
        for pipe in list(pipes):
            if length := pipe.read(_LENGTH.size):
                yield Block.from_bytes(pipe.read(_LENGTH.unpack(length)[0]))
            else:
                pipes.remove(pipe)
                pipe.close()
    for loader in loaders:
        loader.wait()


def _fill(blocks: Iterator[Block]) -> tuple[WorkingSet, float, float]:
    """Return a working set, events a second, and events a second of this process's processor time."""
    working = WorkingSet()
    first = next(blocks)  # the other process has started
    began, used = time.perf_counter(), time.process_time()
    working.append(first)
    for block in blocks:
        working.append(block)
    count = len(working) - first.count
    return working, count / (time.perf_counter() - began), count / (time.process_time() - used)


def _decoded(path: str) -> float:
    """Return lines a second of processor time that are decoded into structs, and nothing else: the machine's pace."""
    kind = msgspec.defstruct("Line", [(f"f{n}", str, "") for n in range(len(FIELDS))], rename=dict(_named()), gc=False)
    decode, count, used = msgspec.json.Decoder(kind).decode_lines, 0, 0.0
    with Path(path).open("rb") as file:
        for _, lines_ in zip(range(200), read_pieces(file), strict=False):
            body = b"\n".join(lines_)
            began = time.process_time()
            count += len(decode(body))
            used += time.process_time() - began
    return count / used


def _named() -> Iterator[tuple[str, str]]:
    return ((f"f{number}", name) for number, name in enumerate(FIELDS))


def _resident() -> float:
    """Return the memory of this process in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _timed(ask: Callable[[int], Any], runs: int = RUNS) -> dict[str, float]:
    took, used = [], []
    for run in range(runs):
        began, busy = time.perf_counter(), time.process_time()
        ask(run)
        took.append((time.perf_counter() - began) * 1e3)
        used.append((time.process_time() - busy) * 1e3)
    took.sort()
    used.sort()
    at = int(runs * 0.95)
    return {"p50": took[runs // 2], "p95": took[at], "max": took[-1], "processor p95": used[at]}


def _page(shown: Shown, first: int = 0) -> None:
    for place in range(first, min(first + 50, len(shown))):
        shown.row_at(place)


class _Asking:
    """Questions to a frame, each about something else every time."""

    def __init__(self, frame: Snapshot) -> None:
        self.frame = frame
        self.rng = random.Random(1)
        times = frame.times()
        self.span = int(times.min()), int(times.max()) + 1
        self.gaps = [Gap(source="risk", since_us=0, until_us=int(np.median(times)), why="no answer")]
        self.ids = [frame.peek(self.rng.randrange(len(frame))).id for _ in range(RUNS)]

    def some(self, run: int) -> np.ndarray:
        values = self.frame.values("source.ip")
        return rows_where(self.frame.codes("source.ip"), values.containing(f".{run}."))

    def filter(self, run: int) -> None:
        show(self.frame, self.some(run), gaps=self.gaps)

    def facet(self, run: int) -> None:
        mask = None if run % 2 else self.frame.codes("event.action") != 1 + run % 3
        facets(self.frame, mask, _FACETS[run % len(_FACETS)])

    def histogram(self, run: int) -> None:
        mask = None if run % 2 else self.frame.codes("event.action") != 1 + run % 3
        histogram(self.frame, mask, *self.span, 120)

    def page(self, run: int) -> None:
        _page(show(self.frame, gaps=self.gaps, fold=False), self.rng.randrange(len(self.frame)))

    def fold(self, run: int) -> None:
        show(self.frame, gaps=self.gaps)

    def search(self, run: int) -> None:
        words = (f"withdrawal{run}", f"order.{'cpl'[run % 3]}", f"risk engine{' ' * (run % 3)}", self.ids[run][:6])
        anywhere(self.frame, words[run % 4])


def _ask(path: str, loaders: int) -> dict[str, Any]:
    """Fill a working set and ask; return what was measured."""
    empty = _resident()
    working, pace, busy = _fill(_received(path, loaders) if loaders else _blocks(path))
    began = time.perf_counter()
    shown = show(working)
    _page(shown)
    opened = (time.perf_counter() - began) * 1e3
    found: dict[str, Any] = {
        "pace": pace,
        "busy": busy,
        "decoded": 0 if loaders else _decoded(path),
        "open": opened,
        "count": len(working),
        "empty": empty,
    }
    asking = _Asking(working.snapshot())
    for name in ("filter", "facet", "histogram", "page", "fold", "search"):
        found[name] = _timed(getattr(asking, name))
    assert working.raws is not None
    raws = [working.raw(asking.rng.randrange(len(working))) for _ in range(200)]
    found["raw"] = _timed(lambda run: working.raw(asking.rng.randrange(len(working))), 200)
    return {
        **found,
        "bytes": sum(map(len, raws)) / len(raws),
        "resident": _resident(),
        "set": working.memory / 2**20,
        "disk": working.raws.on_disk / 2**20,
        "values": max(len(working.values(field)) for field in FIELDS if field != "event.id"),
    }


async def _from_file(path: str) -> tuple[float, float]:
    """Read a file as a loader does, sorting included; return seconds to the first page, and events a second."""
    made = FileEvents("app-log", FilesSettings(path=path, whole=True), MappingSettings())
    found = await into_working_set(made, ACCOUNT, Span(0, 10**16))
    return found.first_s, found.count / found.took_s


def _measured(path: Path, loaders: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.working", "ask", path, str(loaders)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure() -> list[Row]:
    """Return the times, the pace and the memory of a working set of a million events."""
    look_less()
    with tempfile.TemporaryDirectory() as home:
        rich, short = Path(home) / "rich.ndjson", Path(home) / "short.ndjson"
        for path, made in ((rich, lines(COUNT)), (short, short_lines(COUNT))):
            with path.open("wb") as file:
                file.writelines(line + b"\n" for line in made)
        files = [asyncio.run(_from_file(str(path))) for path in (short, rich)]
        paces = [[_measured(path, loaders) for loaders in range(3)] for path in (short, rich)]
    behind = paces[1][1]
    questions = (
        ("open: order, fold, first page", {"p95": behind["open"]}, "≤ 300"),
        ("filter by a value, folded", behind["filter"], "≤ 50"),
        ("facet", behind["facet"], "≤ 50"),
        ("histogram", behind["histogram"], "≤ 50"),
        ("all rows, a page anywhere", behind["page"], "≤ 50"),
        ("fold", behind["fold"], "≤ 100"),
        ("text in all fields", behind["search"], "≤ 50"),
        ("a raw record anywhere", behind["raw"], ""),
    )
    rows: list[Row] = [
        {
            "name": f"working set, 1M events: {name}",
            "value": took["p95"],
            "unit": "ms",
            "budget": budget,
            "beside": took,
        }
        for name, took, budget in questions
    ]
    paced = [_pace(found, file) for found, file in zip(paces, files, strict=True)]
    return [*paced, *rows, _memory(behind)]


def _pace(found: list[dict[str, Any]], file: tuple[float, float]) -> Row:
    alone, one, two = found
    return {
        "name": f"NDJSON of {one['bytes']:.0f} bytes a line into the working set, two loaders",
        "value": two["pace"],
        "unit": "ev/s",
        "budget": "≥ 500,000",
        "beside": {
            "MB/s": two["pace"] * two["bytes"] / 1e6,
            "one loader": one["pace"],
            "from a file as a source, sorted": file[1],
            "first page of that, s": file[0],
            "in one process": alone["pace"],
            "in one process by processor time": alone["busy"],
            "appending alone by processor time": one["busy"],
            "decoding alone (msgspec) by processor time": alone["decoded"],
        },
    }


def _memory(found: Any) -> Row:
    return {
        "name": "memory of a process with 1M events",
        "value": found["resident"],
        "unit": "MiB",
        "budget": "≤ 350",
        "beside": {"before": found["empty"], "working set": found["set"], "raw records on disk": found["disk"]},
    }


if __name__ == "__main__":
    look_less()
    if sys.argv[1] == "send":
        _send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        print(json.dumps(_ask(sys.argv[2], int(sys.argv[3]))))
