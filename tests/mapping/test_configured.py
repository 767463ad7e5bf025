"""Mappings of settings: what they find, and that every way through them gives the same event."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workstation.services.errors import Invalid
from workstation.services.timeline.batch import Lines
from workstation.services.timeline.event import FIELDS, Event, Outcome
from workstation.services.timeline.mapping import SOURCES, configured
from workstation.services.timeline.mapping.configured import reader
from workstation.services.timeline.mapping.records import Unmappable
from workstation.settings import MappingSettings

ECS: dict[str, Any] = {
    "@timestamp": "2026-11-23T13:05:20.123456Z",
    "event": {
        "id": "e-1",
        "action": "sign_in",
        "category": ["authentication"],
        "outcome": "success",
        "dataset": "auth",
        "ingested": "2026-11-23T13:05:21Z",
    },
    "user": {"id": "AA71N84G", "name": "alice", "target": {"id": "BB"}},
    "source": {"ip": "203.0.113.9", "geo": {"country_iso_code": "DE"}, "as": {"number": 3320}},
    "user_agent": {"original": "Mozilla/5.0 | (X11)"},
}


def dotted(record: dict[str, Any], above: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in record.items():
        out |= dotted(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: value}
    return out


def text(record: Any) -> bytes:
    return json.dumps(record).encode()


def test_ecs_nested_dotted_and_mixed_give_the_same() -> None:
    read = reader(MappingSettings(), "any")
    mixed = {**ECS, "user": {"id": "AA71N84G", "name": "alice", "target.id": "BB"}}
    events = [read(text(record)) for record in (ECS, dotted(ECS), mixed, ECS)]
    expected = SOURCES["ecs"](text(ECS), 0)
    for event in events:
        assert {name: event.value(name) for name in FIELDS} == {name: expected.value(name) for name in FIELDS}
        assert (event.time_us, event.ingested_us) == (1_795_439_120_123_456, 1_795_439_121_000_000)
    assert events[0].account == "BB" and events[0].actor == "AA71N84G" and events[0].asn == "3320"


def test_flat_columns_by_our_names_or_underscored() -> None:
    read = reader(MappingSettings(records="flat", time_unit="s"), "signin-log")
    event = read(b'{"ts": 1795439120, "event_action": "sign_in", "account": 7, "ip": "203.0.113.9:443", "id": "x"}')
    assert (event.time_us, event.action, event.account, event.ip) == (
        1_795_439_120_000_000,
        "sign_in",
        "7",
        "203.0.113.9",
    )
    assert (event.source, event.id, event.category) == ("signin-log", "x", "authentication")


def test_the_table_says_where_and_what_it_means() -> None:
    table = MappingSettings(
        records="flat",
        time="when",
        time_unit="ns",
        fields={"user.target.id": ("customer", "client.number"), "event.action": "what", "source.ip": "net.peer"},
        values={"event.action": {"LOGIN": "sign_in"}, "event.outcome": {"ok": "success", "0": "failure"}},
        constants={"event.dataset": "core", "event.outcome": "unknown"},
    )
    read = reader(table, "any")
    record = {"when": 1_795_439_120_123_456_789, "what": "LOGIN", "outcome": "ok", "client": {"number": "A"}}
    first = read(text({**record, "net": {"peer": "::1"}}))
    assert (first.time_us, first.action, first.native_action) == (1_795_439_120_123_456, "sign_in", "LOGIN")
    assert (first.outcome, first.account, first.ip, first.source) == (Outcome.SUCCESS, "A", "::1", "core")
    assert read(text({**record, "outcome": 0})).outcome is Outcome.FAILURE
    assert read(text({**record, "outcome": "maybe"})).outcome is Outcome.UNKNOWN
    assert read(text({**record, "customer": "B"})).account == "B"
    assert read.paths("user.target.id") == ("customer", "client.number")


def test_a_coded_format_with_paths_of_its_own_over_it() -> None:
    raw = text({"uuid": "u", "published": "2026-01-01T00:00:00Z", "eventType": "user.session.start", "x": {"y": "C"}})
    plainly = reader(MappingSettings(records="okta"), "any")(raw)
    assert plainly == SOURCES["okta"](raw, 0)
    table = MappingSettings(records="okta", fields={"user.target.id": "x.y"}, constants={"event.risk_level": "low"})
    over = reader(table, "any")(raw)
    assert (over.account, over.risk, over.action, over.time_us) == ("C", "low", plainly.action, plainly.time_us)


def test_the_id_is_the_records_else_the_stores_else_made_of_its_bytes() -> None:
    read = reader(MappingSettings(), "any")
    assert read(b'{"@timestamp":"2026-01-01T00:00:00Z","event":{"id":"own"}}', "store").id == "own"
    assert read(b'{"@timestamp":"2026-01-01T00:00:00Z"}', "store").id == "store"
    assert read(b'{"@timestamp":"2026-01-01T00:00:00Z"}').id.startswith("sha256:")


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"7", b'{"@timestamp": "soon"}', b"{}", b'{"@timestamp":"1969-12-31T23:59:59Z"}', b'{"a":' * 5000],
)
def test_what_is_no_event_is_said(raw: bytes) -> None:
    for name in ("ecs", "flat"):
        with pytest.raises(Unmappable):
            reader(MappingSettings(records=name), "any")(raw)


@pytest.mark.parametrize(
    "table",
    [
        MappingSettings(records="nosuch"),
        MappingSettings(fields={"user.shoe": "x"}),
        MappingSettings(values={"event.outcome": {"ok": "fine"}}),
        MappingSettings(constants={"event.outcome": "fine"}),
    ],
)
def test_a_table_that_means_nothing_is_refused(table: MappingSettings) -> None:
    with pytest.raises(Invalid):
        reader(table, "any")


_NAMES = sorted({part for name in FIELDS for part in (name, *name.split("."))} | {"@timestamp", "_id", "_source"})
_LEAVES = st.one_of(
    st.sampled_from(["", " ", "null", "-", "a", " b", "c\t", "x|y", "\u00a0", "203.0.113.9", "success", "FAILURE"]),
    st.sampled_from(
        ["2026-11-23T13:05:20.1234567Z", "2026-11-23 13:05", "2026-11-23T13:05:60Z", "20261123T130520+0200"]
    ),
    st.none(),
    st.booleans(),
    st.integers(-1, 2**62),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.one_of(st.text(max_size=3), st.integers(0, 9), st.none()), max_size=2),
)
_RECORDS = st.recursive(
    st.dictionaries(st.sampled_from(_NAMES), _LEAVES, max_size=8),
    lambda inner: st.dictionaries(st.sampled_from(_NAMES), st.one_of(_LEAVES, inner), max_size=8),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_RECORDS, min_size=1, max_size=12), st.sampled_from(["ecs", "flat"]), st.booleans(), st.booleans())
def test_many_at_once_give_the_same_events(some: list[dict[str, Any]], name: str, mapped: bool, lines: bool) -> None:
    values = {"event.action": {"a": "sign_in"}, "user.id": {"a": "z"}} if mapped else {}
    constants = {"event.risk_level": "low"} if mapped else {}
    read = reader(MappingSettings(records=name, values=values, constants=constants), "any")
    # A line that is no record, and one without a time, stand among the others.
    raws = [text({"@timestamp": "2026-11-23T13:05:20.123Z", **record}) for record in some] + [b"[]"]
    expected: list[Event] = []
    unreadable = []
    for place, raw in enumerate(raws):
        try:
            expected.append(read(raw, f"own-{place}"))
        except Unmappable:
            unreadable.append(place)
    given_raws = Lines.of(b"\n".join(raws)) if lines else raws
    for _ in range(2):  # the second time it is known where values are
        batch, bad = read.batch(given_raws, [f"own-{place}" for place in range(len(raws))])
        assert list(batch) == expected and list(bad) == unreadable
        assert [batch[place] for place in range(len(batch))] == expected


def test_records_that_are_written_otherwise_cost_the_others_nothing() -> None:
    """Halving finds them: of a thousand records with one odd one only its neighbours are read one by one."""
    read = configured.reader(MappingSettings(), "any")
    one = read._map._columns._one  # type: ignore[attr-defined]
    asked: list[bytes] = []

    def counted(raw: bytes, own_id: str) -> Event:
        asked.append(raw)
        made: Event = one(raw, own_id)
        return made

    read._map._columns._one = counted  # type: ignore[attr-defined]
    odd = text({**ECS, "user": {"id": "AA71N84G", "target.id": "BB"}})
    batch, bad = read.batch([*[text(ECS)] * 700, odd, *[text(ECS)] * 299])
    assert (len(batch), bad) == (1_000, ()) and batch[700].account == "BB"
    assert odd in asked and len(asked) <= 8


HOSTILE = [
    b"",
    b" ",
    b"{",
    b"\xff\xfe",
    b'{"a":' * 5_000,
    b'{"@timestamp":"2026-11-23T13:05:20Z","event":' + b"[" * 5_000,
    b'{"@timestamp":"2026-11-23T13:05:20Z","user":{"id":"\\ud800"}}',
    b'{"@timestamp":"2026-11-23T13:05:20Z","user":{"id":1e400}}',
    b'{"@timestamp":"2026-11-23T13:05:20Z","user":{"id":' + b"9" * 400 + b"}}",
    b'{"@timestamp":"2026-11-23T13:05:20Z","user":{"name":"\xff"}}',
    b'{"@timestamp":"2026-11-23T13:05:20Z","user":{"id":NaN}}',
    b'{"@timestamp":"2026-11-23T13:05:20Z"} {"@timestamp":"2026-11-23T13:05:20Z"}',
    b'{"@timestamp":1e300}',
    b'{"@timestamp":"+262142-12-31T23:59:59Z"}',
    b'{"@timestamp":true,"event":{"id":true}}',
    b'{"_source":{"@timestamp":"2026-11-23T13:05:20Z","event.id":"x"},"_id":"y"}',
]


@pytest.mark.parametrize("name", ["ecs", "flat"])
@pytest.mark.parametrize("lines", [True, False])
def test_hostile_records_among_others_are_what_they_are_by_themselves(name: str, lines: bool) -> None:
    read = reader(MappingSettings(records=name), "any")
    good = text({"@timestamp": "2026-11-23T13:05:20Z", "event": {"id": "good"}})
    raws = [raw for bad in HOSTILE for raw in (good, bad)] + [good] * 20
    if lines:
        # A line cannot be blank.
        raws = [raw for raw in raws if raw.strip()]
    expected, unreadable = [], []
    for place, raw in enumerate(raws):
        try:
            expected.append(read(raw))
        except Unmappable:
            unreadable.append(place)
    batch, bad = read.batch(Lines.of(b"\n".join(raws)) if lines else raws)
    assert list(batch) == expected and list(bad) == unreadable
    assert sum(event.raw == good for event in batch) == len(HOSTILE) + 20
