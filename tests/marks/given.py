"""Events for the tests of marks, written as short as they can be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from workstation.services.timeline.event import FIELDS, Event, Outcome
from workstation.services.timeline.marks.finder import Found, find
from workstation.services.timeline.marks.model import Rule
from workstation.services.timeline.working.columns import Snapshot, WorkingSet

MINUTE = 60_000_000
HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE
#: 2026-03-02T00:00:00Z, a Monday.
START = 1_772_409_600_000_000
_SPAN = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": 1_000_000, "m": MINUTE, "h": HOUR, "d": DAY}


def after(text: str) -> int:
    """Return microseconds of spans such as ``1d2h``."""
    return sum(int(number) * _UNITS[unit] for number, unit in _SPAN.findall(text))


def events(records: Iterable[Mapping[str, str]], start: int = START) -> list[Event]:
    """Return events of records with ECS names and ``at``, the time after `start`."""
    out = []
    for number, record in enumerate(records):
        values = {FIELDS[name]: value for name, value in record.items() if name != "at"}
        outcome = Outcome(values.pop("outcome", "unknown"))
        base = {"id": f"e{number}", "source": "log", "action": ""}
        out.append(Event(**(base | values), outcome=outcome, time_us=start + after(record.get("at", "0s"))))
    return out


def frame(records: Iterable[Mapping[str, str]], start: int = START) -> Snapshot:
    return WorkingSet.of(events(records, start)).snapshot()


def found(records: Iterable[Mapping[str, str]], *rules: Rule) -> Found:
    return find(frame(records), START + 400 * DAY, rules)
