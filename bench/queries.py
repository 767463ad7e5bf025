"""Queries over a million events of one account: read, asked of columns, and completed while they are typed.

Each is asked anew each time, of values that were not asked for before: working sets keep answers.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.accounts import lines
from bench.rows import Row
from workstation.services.timeline.mapping.configured import reader
from workstation.services.timeline.mapping.reading import read_pieces
from workstation.services.timeline.query.complete import Counts, complete
from workstation.services.timeline.query.evaluate import mask
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.working.columns import Snapshot, WorkingSet
from workstation.services.timeline.working.encoder import Encoder
from workstation.settings import MappingSettings

COUNT = 1_000_000
RUNS = 30
#: What is asked, with the number of the run in it. Network, expression and words are what costs most.
ASKED = {
    "two values and a not": "event.action:(sign_in or withdrawal{n}*) and not source.ip:10.{n}.0.1",
    "network": "source.ip:{n}.0.0.0/8 -source.ip:{n}.9.0.0/16",
    "wildcard": "user_agent.original:*chrome*{n}*",
    "expression": "device.id:/.*[a-f]{n}.*/",
    "days": "@timestamp:[now-{n}d/d TO now]",
    "word anywhere": "withdrawal{n}",
    "part of an id": "event.id:*{n}f3a*",
}
TYPED = {"field": "eve{n}", "value": "event.action:{n}", "address": "source.ip:{n}", "id": "event.id:{n}a0f"}


def _timed(ask: Callable[[int], Any]) -> dict[str, float]:
    took = []
    for run in range(RUNS):
        began = time.perf_counter()
        ask(run)
        took.append((time.perf_counter() - began) * 1e3)
    took.sort()
    return {"p50": took[RUNS // 2], "p95": took[int(RUNS * 0.95)], "max": took[-1]}


def _filled() -> Snapshot:
    working, encoder, read = WorkingSet(), Encoder(), reader(MappingSettings(), "app-log").batch
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "account.ndjson"
        with path.open("wb") as file:
            file.writelines(line + b"\n" for line in lines(COUNT))
        with path.open("rb") as file:
            for some in read_pieces(file):
                working.append(encoder.encode(read(some).batch))
    return working.snapshot()


def measure() -> list[Row]:
    """Return how long reading, asking and completing take."""
    frame = _filled()
    now_us = int(frame.times().max())
    counts = Counts(frame)
    for text in TYPED.values():
        complete(text.format(n=""), len(text) - 3, counts)
    rows: list[Row] = []

    def add(name: str, took: dict[str, float], budget: str) -> None:
        row = Row(name=f"query, 1M events: {name}", value=took["p95"], unit="ms", budget=budget, beside=took)
        rows.append(row)

    long = " ".join(f'source.ip:(10.0.{n}.1 or "10.0.{n}.2") -linux{n}' for n in range(300))
    add("900 conditions are read", _timed(lambda run: parse(f"{long} x{run}")), "≤ 50")
    for name, text in ASKED.items():
        add(name, _timed(lambda run, text=text: mask(parse(text.format(n=run + 1)), frame, now_us)), "≤ 50")
    for name, text in TYPED.items():
        typed = [text.format(n=run % 10 or "") for run in range(RUNS)]
        add(
            f"complete a {name}", _timed(lambda run, typed=typed: complete(typed[run], len(typed[run]), counts)), "≤ 10"
        )
    return rows
