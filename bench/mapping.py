"""Events a second from raw records, by source; beside it what reading the JSON alone takes.

Records are the samples of the tests with other ids, times and addresses in each. Processor time of one process is
counted, so that a busy machine does not make a mapper slow.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bench.rows import Row
from tests.mapping.samples import SAMPLES
from workstation.services.timeline.mapping import SOURCES, map_lines

#: Different records of a source, and how often all of them are mapped; the fastest of the rounds counts.
RECORDS, ROUNDS = 4_096, 5
#: Records that a file or a page gives together.
TOGETHER = 1_024
#: Events a second that a mapper gives at least, so that reading a day's export is no coffee break.
WANTED = 60_000
_LINE = b"Dec 10 06:55:48 lab sshd[24200]: Failed password for invalid user web from 198.51.100.7 port 38926 ssh2"


def measure() -> list[Row]:
    """Measure every source."""
    rows = [_row(source, list(_records(source)), source) for source in sorted(SOURCES) if source != "ecs"]
    nested = [json.dumps(_nested(json.loads(raw))).encode() for raw in _records("ecs")]
    # The sample mixes both habits of writing a dotted name, which no store does: the slowest that there is.
    return [*rows, _row("ecs", nested, "ecs"), _row("ecs", list(_records("ecs")), "ecs, habits mixed")]


def _row(source: str, raws: list[bytes], name: str) -> Row:
    beside = {} if source == "openssh" else {"json.loads alone": _rate(json.loads, raws)}
    return Row(
        name=f"mapping: {name}",
        value=_pace(source, raws),
        unit="/s",
        budget=f">= {WANTED:,}",
        beside=beside,
    )


def _pace(source: str, raws: list[bytes]) -> float:
    """Return records a second of processor time, mapped as many at once as a file or a page gives."""
    some = [raws[begin : begin + TOGETHER] for begin in range(0, len(raws), TOGETHER)]
    return TOGETHER * _rate(lambda each: map_lines(source, each, [1_772_345_560_000_000] * len(each)), some)


def _rate(do: Callable[[Any], object], raws: Sequence[Any]) -> float:
    best = 0.0
    for _ in range(ROUNDS):
        began = time.process_time()
        for raw in raws:
            do(raw)
        best = max(best, len(raws) / (time.process_time() - began))
    return best


def _records(source: str) -> Iterator[bytes]:
    sample = _LINE if source == "openssh" else json.dumps(SAMPLES[source], separators=(",", ":")).encode()
    for number in range(RECORDS):
        clock = f"06:{number // 60 % 60:02}:{number % 60:02}".encode()
        address = f"198.51.{number // 250 % 250}.{number % 250}".encode()
        varied = sample.replace(b"06:12:40", clock).replace(b"06:55:48", clock).replace(b"198.51.100.7", address)
        yield varied.replace(b'-1"', b'-%d"' % number)


def _nested(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record of which some names are dotted with every dot as nesting, as most stores write it."""
    out: dict[str, Any] = {}
    for name, value in record.items():
        *way, last = name.split(".")
        holder = out
        for part in way:
            holder = holder.setdefault(part, {})
        if isinstance(value, dict):
            holder.setdefault(last, {}).update(_nested(value))
        else:
            holder[last] = value
    return out
