"""Events and working sets to ask, and the plain way to say what the answer is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.encoder import Block, Encoder

#: What field values are made of: letters whose case folding changes their length, ends of lines, NULs, characters
#: beyond the BMP.
TEXTS = st.text(alphabet="aAbSsßẞİıſKK.*?\n\0 \\é€\U0001f600", max_size=5)


def event(identifier: str = "", time_us: int = 0, source: str = "log", **fields: Any) -> Event:
    return Event(**{"id": identifier, "time_us": time_us, "source": source, "action": "sign_in", **fields})


EVENTS = st.builds(
    event,
    st.one_of(st.integers(0, 12).map(str), TEXTS),
    st.integers(0, 20),
    st.sampled_from(["log", "app", ""]),
    action=st.sampled_from(["sign_in", "sign_out", "", "api.call"]),
    outcome=st.sampled_from(Outcome),
    ip=st.sampled_from(["", "192.0.2.1", "192.0.2.2"]),
    session=st.sampled_from(["", "s", "t"]),
    reason=TEXTS,
    ingested_us=st.sampled_from([0, 0, 5]),
    raw=st.binary(max_size=20),
    digest=st.sampled_from(["", "", "ab" * 32]),
)
#: Pages of feeds in the order in which they come.
PAGES = st.lists(st.tuples(st.integers(0, 2), st.lists(EVENTS, max_size=12)), max_size=8)
Pages = list[tuple[int, list[Event]]]


def filled(pages: Iterable[tuple[int, list[Event]]], **how: Any) -> WorkingSet:
    """Return a working set of these pages, each over a pipe."""
    working, encoder = WorkingSet(**how), Encoder()
    for feed, events in pages:
        working.append(Block.from_bytes(encoder.encode(events, feed).to_bytes()))
    return working


def each_once(pages: Pages) -> list[tuple[int, Event]]:
    """Return the feed and the event of each row: what came first counts."""
    first: dict[tuple[str, str], tuple[int, Event]] = {}
    for feed, events in pages:
        for one in events:
            first.setdefault((one.source, one.id), (feed, one))
    return list(first.values())
