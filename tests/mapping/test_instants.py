"""Instants of a column at once."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from workstation.services.clock import to_micros
from workstation.services.timeline.mapping.instants import instants

WRITTEN = st.one_of(
    st.datetimes().map(lambda at: at.isoformat() + "Z"),
    st.datetimes().map(lambda at: at.isoformat(timespec="milliseconds") + "Z"),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{0,7})?(Z|\+00:00|)", fullmatch=True),
    st.text(max_size=27),
)


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(WRITTEN, max_size=8))
def test_instants_are_what_the_standard_library_says_or_left_to_it(texts: list[str]) -> None:
    for text, found in zip(texts, instants(texts).tolist(), strict=True):
        if found != -1:
            assert found == to_micros(datetime.fromisoformat(text))


def test_the_usual_ways_to_write_an_instant_are_read() -> None:
    usual = [f"2024-02-29T23:59:59{fraction}Z" for fraction in ("", ".1", ".12", ".123", ".123456")]
    assert instants(usual).tolist() == [to_micros(datetime.fromisoformat(text)) for text in usual]
    unusual = [
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00.Z",
    ]
    assert instants(unusual).tolist() == [-1] * len(unusual)
