"""How the shipped rules do on histories that their author did not write.

By `high` marks: an alarm that would hold up a withdrawal. A takeover is found by an alarm that ends no earlier than a
day before the intruder's first step; an innocent is accused by any, whenever. Of the events that alarms name it is
counted how many are the intruder's. Rules were changed by what :data:`DEVELOPED` showed; only :data:`HELD` is reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bench.rows import Row
from bench.strangers import INNOCENTS, TAKEOVERS, Stranger, history
from bench.strangers.world import DAY, NOW_US
from workstation.services.timeline.marks.finder import find
from workstation.services.timeline.marks.model import SEVERITIES
from workstation.services.timeline.marks.rulebook import Rulebook
from workstation.services.timeline.working.columns import WorkingSet

DEVELOPED, HELD = range(1, 11), range(101, 111)


class Told(NamedTuple):
    """What came of one history; ``worst`` is a place among the severities, -1 where nothing was found."""

    story: str
    source: str
    hostile: bool
    worst: int
    marked: int
    right: int


def histories(seeds: Iterable[int]) -> Iterator[Stranger]:
    """Yield every story in every format that can tell it, once a seed."""
    for seed in seeds:
        for tell, sources in (TAKEOVERS | INNOCENTS).items():
            for source in sources:
                yield history(tell, source, seed)


def told(stranger: Stranger, book: Rulebook) -> Told:
    """Return what the rules say of a history. Raises RuntimeError: a rule failed."""
    events = stranger.events()
    frame = WorkingSet.of(events).snapshot()
    found = find(frame, NOW_US, book.rules)
    if found.failed:
        raise RuntimeError(str(found.failed))
    hostile = bool(stranger.intruders)
    some = [f for f in found.findings if not hostile or f.at_us >= stranger.began_us - DAY]
    theirs = {events[place].id for place in stranger.intruders}
    codes, ids = frame.codes("event.id"), frame.values("event.id")
    marked = [ids[int(codes[row])] for f in some if f.severity == SEVERITIES[-1] for row in f.rows]
    worst = max((SEVERITIES.index(f.severity) for f in some), default=-1)
    right = sum(one in theirs for one in marked)
    return Told(stranger.story, stranger.source, hostile, worst, len(marked), right)


def measured(seeds: Iterable[int], book: Rulebook) -> list[Told]:
    """Return what the rules say of all histories of some seeds."""
    return [told(stranger, book) for stranger in histories(seeds)]


def rows(some: list[Told]) -> list[Row]:
    """Return the whole, then each story and each format of takeovers, then of innocents."""
    out = [_row("strangers", some, "high", bad) for bad in (True, False)]
    marked, right = sum(t.marked for t in some if t.hostile), sum(t.right for t in some)
    beside = {"events": float(marked)}
    share = _share(right, marked)
    out.append({"name": "marks, strangers: events of alarms that are the intruder's", "value": share, "unit": "%",
                "budget": "≥ 90", "beside": beside})  # fmt: skip
    for bad in (True, False):
        for field in ("story", "source"):
            parts: dict[str, list[Told]] = defaultdict(list)
            for one in some:
                if one.hostile is bad:
                    parts[getattr(one, field)].append(one)
            out += [_row(f"strangers, {field} {name}", part, "", bad) for name, part in sorted(parts.items())]
    return out


def _row(name: str, some: list[Told], budget: str, bad: bool) -> Row:
    part = [t for t in some if t.hostile is bad]
    high, medium = (sum(t.worst == level for t in part) for level in (2, 1))
    what = "takeovers found" if bad else "innocents accused"
    bound = ("≥ 50" if bad else "≤ 1") if budget else ""
    beside = {"medium": _share(medium, len(part)), "accounts": float(len(part))}
    value = _share(high, len(part))
    return {"name": f"marks, {name}: {what}, high", "value": value, "unit": "%", "budget": bound, "beside": beside}


def _share(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0
