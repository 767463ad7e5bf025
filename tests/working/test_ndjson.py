"""Our own export read back: as it was written, whatever else stands between the lines."""

from __future__ import annotations

import io
import itertools
import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.accounts import lines as made_up
from tests.working.events import EVENTS, event
from workstation.services.clock import to_micros
from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.encoder import Encoder
from workstation.services.timeline.working.instants import instants
from workstation.services.timeline.working.ndjson import columns, pieces

TIME = "2026-11-03T14:02:10.123456Z"


def line(**fields: object) -> bytes:
    record = {"@timestamp": TIME, "event.id": "1", "event.dataset": "log", "event.action": "sign_in"}
    return json.dumps({**record, **fields}).encode()


@settings(max_examples=80, deadline=None)
@given(events=st.lists(EVENTS, min_size=1, max_size=12))
def test_what_was_exported_is_read_as_it_was(events: list[Event]) -> None:
    # Bytes that are no text are exported escaped: the text is what comes back, and the hash is of the bytes.
    events = [msgspec.structs.replace(one, id=f"{n}{one.id}", source=one.source or "x") for n, one in enumerate(events)]
    data = b"\n".join(json.dumps(one.to_ecs()).encode() for one in events)
    read = columns(data)
    assert read.unreadable == ()
    for one, found, text in zip(events, read.events(), data.split(b"\n"), strict=True):
        raw = one.raw.decode("utf-8", "backslashreplace").encode()
        assert found == msgspec.structs.replace(one, raw=raw or text, digest=one.sha256 if raw else "")


def test_a_line_without_a_record_of_its_own_is_its_record() -> None:
    (one,) = columns(line()).events()
    assert one == event("1", to_micros(datetime(2026, 11, 3, 14, 2, 10, 123456, tzinfo=UTC)), raw=line())


def test_lines_that_are_written_otherwise_are_read_and_bad_ones_are_counted() -> None:
    odd = line(**{"event.id": "2", "source.as.number": 3320, "event.category": ["a", "b"], "user.name": None})
    data = [b"", line(), odd, b"{", b"  ", b"[]", b'"x"', line(**{"@timestamp": "soon"}), b"\xff\xfe", line(), b""]
    read = columns(b"\n".join(data))
    assert read.unreadable == (3, 5, 6, 7, 8)
    assert [one.id for one in read.events()] == ["1", "2", "1"]
    assert (read.events()[1].asn, read.events()[1].category, read.events()[1].actor_name) == ("3320", "a, b", "")


def test_what_is_missing_is_filled_in_or_unknown_never_guessed() -> None:
    unsaid = line(**{"event.id": "", "event.dataset": "", "event.outcome": "great", "event.ingested": "later"})
    (one,) = columns(unsaid, "file").events()
    assert (one.source, one.outcome, one.ingested_us) == ("file", "unknown", 0)
    assert one.id.startswith("sha256:")
    claimed = line(**{"event.original": "x", "event.hash": "not a hash"})
    assert columns(claimed).events()[0].digest == ""
    assert columns(b"").events() == []


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_pieces_are_whole_lines(size: int) -> None:
    data = b"\n".join(made_up(20)) + b"\n\nlast"
    assert b"\n".join(pieces(io.BytesIO(data), size)).split(b"\n") == data.split(b"\n")
    assert all(piece.count(b"{") == piece.count(b"}") for piece in pieces(io.BytesIO(data), size))


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.binary(max_size=9).map(lambda text: text.replace(b"\n", b"")), max_size=12),
    cuts=st.lists(st.integers(0, 120), max_size=4),
    size=st.integers(1, 40),
)
def test_shares_of_a_file_hold_every_line_once(texts: list[bytes], cuts: list[int], size: int) -> None:
    data = b"\n".join(texts)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), None]
    found: list[bytes] = []
    for begin, end in itertools.pairwise(edges):
        for piece in pieces(io.BytesIO(data), size, begin=begin or 0, end=end):
            found += piece.split(b"\n")
    assert [text for text in found if text] == [text for text in texts if text]


def test_columns_go_straight_into_a_working_set() -> None:
    working, encoder, count = WorkingSet(), Encoder(), 0
    data = b"\n".join(made_up(3_000))
    for piece in pieces(io.BytesIO(data), 200_000):
        count += working.append(encoder.encode_columns(columns(piece).values))
    assert count == 3_000
    plain = [json.loads(text) for text in data.split(b"\n")]
    for row in range(0, 3_000, 97):
        assert {name: working.peek(row).value(name) for name in FIELDS if name in plain[row]} == {
            name: value for name, value in plain[row].items() if name in FIELDS
        }
        assert working.raw(row) == data.split(b"\n")[row]


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
