"""Which time the stores are asked for, by the times that a query names."""

from __future__ import annotations

import pytest

from workstation.services.bench.account import _asked_span
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.source import Span

DAY = 86_400_000_000
#: 2026-03-03T00:00:00Z, microseconds.
NOW = 1_772_496_000_000_000
USUAL = Span(NOW - 90 * DAY, NOW + 1)


@pytest.mark.parametrize(
    ("query", "since", "until"),
    [
        ("word", USUAL.since_us, USUAL.until_us),
        ("@timestamp:[now-400d TO now-399d}", NOW - 400 * DAY, NOW - 399 * DAY),
        ("@timestamp:>=now-2y/y word", 1_704_067_200_000_000, USUAL.until_us),
        ("@timestamp:<2020-01-01", 1_577_836_800_000_000 - 90 * DAY - 1, 1_577_836_800_000_000),
        ("@timestamp:>2030", USUAL.until_us - 1, USUAL.until_us),
        ("@timestamp:<1970-01-01", 0, 1),
    ],
)
def test_it_goes_as_far_back_as_the_query_says(query: str, since: int, until: int) -> None:
    assert _asked_span(parse(query), USUAL, NOW) == Span(since, until)
