"""Times, shapes that lie, and records that nobody would write on purpose."""

from __future__ import annotations

import copy
import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import HOSTILE_TEXTS
from tests.mapping.samples import SAMPLES
from workstation.services.clock import from_micros, to_micros
from workstation.services.timeline.event import FIELDS, Event, Outcome
from workstation.services.timeline.mapping import SOURCES, Unmapped, map_line
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import (
    SECONDS,
    Unmappable,
    address,
    at,
    decode,
    first_of,
    micros,
    place,
    plain,
    text,
)


@settings(max_examples=100, deadline=None)
@given(at=st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31), timezones=st.timezones()))  # noqa: DTZ001
def test_every_instant_is_read_to_the_microsecond(at: datetime) -> None:
    offset = at.utcoffset()
    assert offset is not None
    if offset.total_seconds() % 60 or to_micros(at) < 0:
        return  # ISO 8601 has no seconds in offsets (local mean time before 1900), and we know no time before 1970
    assert micros(at.isoformat()) == to_micros(at)
    assert micros(at.isoformat(" ").replace("+", " +")) == to_micros(at)


@pytest.mark.parametrize(
    ("written", "us"),
    [
        ("2026-03-01T06:12:40.123456789Z", 1772345560123456),
        ("2026-03-01 06:12:40.999999999", 1772345560999999),
        ("2026-03-01T06:12:40.1Z", 1772345560100000),
        ("2026-03-01t06:12:40z", 1772345560000000),
        ("2026-03-01T07:12:40+0100", 1772345560000000),
        ("2026-03-01T06:12:40,5 UTC", 1772345560500000),
        ("2016-12-31T23:59:60Z", 1483228800000000),
        (1772345560123, 1772345560123000),
        ("1772345560123", 1772345560123000),
        (1772345560123.456, 1772345560123456),
        (0, 0),
    ],
)
def test_times_in_many_notations(written: Any, us: int) -> None:
    assert micros(written) == us


def test_epoch_seconds_with_decimals_are_exact() -> None:
    assert micros(1772345560.123457, SECONDS) == 1772345560123457
    assert micros("1772345560.123457", SECONDS) == 1772345560123457


@pytest.mark.parametrize(
    "written",
    [
        *(None, "", "soon", True, [], {}, -1, 1e30, float("nan"), float("inf"), "9" * 20),
        *("2026-02-30T00:00:00Z", "2026-03-01T25:00:00Z", "２０２６-03-01", "1969-12-31T23:59:59Z"),
        *("2026-03-01T06:12:40+99:99", "2026-03-01T06:12:40Z; drop table"),
    ],
)
def test_what_is_no_time_is_refused(written: Any) -> None:
    with pytest.raises(Unmappable):
        micros(written)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"a": "caf\xe9"}', "caf\ufffd"),
        (rb'{"a": "cut \ud83d off"}', "cut \ufffd off"),
        (rb'{"a": "\udc00\ud83d"}', "\ufffd\ufffd"),
        (rb'{"a": "whole \ud83d\ude00"}', "whole 😀"),
        (rb'{"a": "\\ud83d stays, \ud83d goes"}', r"\ud83d stays, " + "\ufffd goes"),
        (b'{"a": "bare \t tab and \x00 nul"}', "bare \t tab and \x00 nul"),
        (b'{"a": 123456789012345678901234567890}', "123456789012345678901234567890"),
    ],
)
def test_sloppy_json_hides_no_event(raw: bytes, value: str) -> None:
    found = decode(raw)
    assert plain(found["a"]) == value
    json.dumps(found, ensure_ascii=False).encode()


def test_numbers_without_end_are_no_ids_and_no_times() -> None:
    long = b"9" * 4_000
    event = map_line("okta", b'{"uuid": %s, "published": 1772345560123, "eventType": 1e400}' % long)
    assert isinstance(event, Event)
    assert (event.id, event.action) == (f"sha256:{event.sha256}", "")
    assert isinstance(map_line("okta", b'{"published": %s}' % long), Unmapped)
    assert isinstance(map_line("okta", b'{"published": %s}' % (long * 3)), Unmapped)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"{'a': 1}", b"[" * 100_000, b'{"a":' * 100_000, b"\x00", b"9" * 5_000 + b"x"]
)
def test_what_is_no_json_is_said(raw: bytes) -> None:
    with pytest.raises(Unmappable):
        decode(raw)


def test_paths_meet_any_shape() -> None:
    record = {"a": [{"b": 1}, "x"], "A": {"c": "null"}, "e": True, "f": ["x", None, {"y": 1}, 2]}
    assert at(record, "a.0.b") == 1
    assert at(record, "a.5.b") is None
    assert at(record, "a.-1") is None
    assert at(record, "a.1.b") is None
    assert at(record, "F") == record["f"]
    assert text(record, "A.c", "missing", "e") == "true"
    assert text(record, "f") == "x, 2"


@pytest.mark.parametrize(
    ("written", "ip"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:443", "198.51.100.7"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8::1#80", "2001:db8::1"),
        ("2001:db8::1p80", "2001:db8::1"),
        ("2001:db8::1 port 80", "2001:db8::1"),
        ("2001:db8::1.80", "2001:db8::1"),
        ("::ffff:198.51.100.7.80.9", ""),
        ("AWS Internal", ""),
        ("cloudformation.amazonaws.com", ""),
        ("", ""),
        ("1.2.3", ""),
    ],
)
def test_addresses(written: str, ip: str) -> None:
    assert address(written) == ip


@pytest.mark.parametrize(
    ("written", "location"),
    [
        ({"lat": 38.7223, "lon": -9.1393}, "38.7223,-9.1393"),
        ({"latitude": "38.7223", "longitude": "-9.1393"}, "38.7223,-9.1393"),
        ({"type": "Point", "coordinates": [-9.1393, 38.7223]}, "38.7223,-9.1393"),
        ([-9.1393, 38.7223], "38.7223,-9.1393"),
        ("38.7223, -9.1393", "38.7223,-9.1393"),
        ("POINT (-9.1393 38.7223)", "38.7223,-9.1393"),
        ({"lat": 0, "lon": 12.5}, "0,12.5"),
        ({"lat": 0.0, "lon": 0}, ""),
        ({"lat": 91, "lon": 0}, ""),
        ({"lat": 1e300, "lon": float("nan")}, ""),
        ({"lat": 38.7}, ""),
        ([1], ""),
        ("eyckp", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_points_on_the_map(written: Any, location: str) -> None:
    assert place(written) == location


@settings(max_examples=150, deadline=None)
@given(
    record=st.recursive(
        st.none() | st.booleans() | st.integers() | st.sampled_from(["", " x ", "null", "-", "text"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "aB", "ab", "C", "c", "0", "1"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_a_compiled_reader_reads_what_walking_reads(record: Any) -> None:
    names = ("a", "aB", "C", "a.aB", "aB.C", "a.aB.C", "aB.0.C", "C.1")
    wanted = {f"f{number}": name for number, name in enumerate(names)}
    every: dict[str, str | tuple[str, ...]] = {**wanted, "first": names, "other": ("aB.C", "aB.0.C", "C")}
    said = reader(**every)(record)
    for field, paths in every.items():
        assert getattr(said, field) == text(record, *((paths,) if isinstance(paths, str) else paths))


@pytest.mark.parametrize(
    "written",
    [
        *(
            "2026-03-01T06:12:40Z",
            "2026-03-01T06:12:40.1234567Z",
            "2026-03-01T06:12:40.12+00:00",
            "2016-12-31T23:59:60Z",
        ),
        *(
            "2026-03-01T061240Z",
            "2026-W09-7T06:12:40Z",
            "20260301T06:12:40Z",
            "2026-03-01T06:12Z",
            "2026-03-01T06:12:4٠Z",
        ),
        *("1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-03-01T24:00:00Z", "T", "Z"),
    ],
)
def test_the_usual_notation_is_read_as_any_other(written: str) -> None:
    def slowly() -> int | None:
        try:
            return micros(written + " ")
        except Unmappable:
            return None

    try:
        assert micros(written) == slowly()
    except Unmappable:
        assert slowly() is None


def test_the_first_time_that_can_be_read_counts() -> None:
    assert first_of((None, "2021-07-20T11: 41: 31+00: 00", "1626781291"), SECONDS) == 1626781291000000
    with pytest.raises(Unmappable, match="cannot be read"):
        first_of(("", "soon", None))
    with pytest.raises(Unmappable, match="no time"):
        first_of(("", None))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Portugal", "PT"),
        ("United States", "US"),
        ("Côte d'Ivoire", "CI"),
        ("St. Lucia", "LC"),
        ("pt", "PT"),
        ("Narnia", "Narnia"),
    ],
)
def test_countries(name: str, code: str) -> None:
    assert country_code(name) == code


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(sorted(HOSTILE_TEXTS.values()))
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value within a record."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in inner for place in places(child, (*path, key)))]


@settings(max_examples=300, deadline=None)
@given(source=st.sampled_from(sorted(SAMPLES)), data=st.data())
def test_no_value_in_no_place_breaks_a_mapper(source: str, data: st.DataObject) -> None:
    record = copy.deepcopy(SAMPLES[source])
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(places(record)[1:]))
        holder: Any = record
        try:
            for key in way:
                holder = holder[key]
            holder[last] = data.draw(VALUES)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took this place away
    raw = json.dumps(record).encode()
    mapped = map_line(source, raw, 0)
    assert mapped.raw == raw
    if isinstance(mapped, Event):
        shown = mapped.to_ecs()
        assert shown["event.original"] == raw.decode()
        assert all(isinstance(value, str) for value in shown.values())
        json.dumps(shown, ensure_ascii=False).encode()
        assert mapped.id
        assert mapped.outcome in Outcome


@settings(max_examples=150, deadline=None)
@given(
    source=st.sampled_from(sorted(SOURCES)), raw=st.binary(max_size=60) | VALUES.map(lambda v: json.dumps(v).encode())
)
def test_any_bytes_become_an_event_or_a_reason(source: str, raw: bytes) -> None:
    mapped = map_line(source, raw, 0)
    assert mapped.raw == raw
    assert isinstance(mapped, Event) or mapped.error


TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12).filter(
    lambda t: t == t.strip() not in ("null", "-")
)


@settings(max_examples=80, deadline=None)
@given(
    values=st.dictionaries(
        st.sampled_from(sorted(set(FIELDS.values()) - {"outcome", "ip", "category", "location"})), TEXT
    ),
    time_us=st.integers(0, 253_402_300_799_999_999),
    outcome=st.sampled_from(Outcome),
)
def test_what_we_write_we_read(values: dict[str, str], time_us: int, outcome: Outcome) -> None:
    required = {"id": "x", "source": "s", "action": "a", "native_action": "n", "account": "m", "account_name": "mm"}
    event = Event(
        **{**required, "risk": "r", "actor_name": "an", "device": "d", "asn": "1", **values},
        time_us=time_us,
        outcome=outcome,
    )  # type: ignore[arg-type]
    raw = json.dumps(event.to_ecs()).encode()
    mapped = map_line("ecs", raw)
    assert isinstance(mapped, Event)
    assert {name: mapped.value(name) for name in FIELDS} == {name: event.value(name) for name in FIELDS}
    assert from_micros(mapped.time_us) == from_micros(time_us)
    assert not isinstance(mapped, Unmapped)
