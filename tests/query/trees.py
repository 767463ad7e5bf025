"""Queries and events to ask, for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.hostile import HOSTILE_TEXTS
from tests.timeline.events import event
from workstation.services.clock import parse_instant, to_micros
from workstation.services.timeline.event import FIELDS, Event, Outcome
from workstation.services.timeline.query.ast import (
    EVERYTHING,
    Exists,
    Match,
    Network,
    Node,
    Range,
    Regex,
    both,
    either,
    negate,
)
from workstation.services.timeline.query.fields import INGESTED, TIME

NOW_US = to_micros(parse_instant("2026-11-23T12:00:00Z"))
DAY_US = 86_400_000_000

#: Fields that hold one text.
TEXT_FIELDS = ["event.action", "device.id", "user_agent.original", "target.id"]
WORDS = [
    "sign_in",
    "Sign_In",
    "sign_out",
    "straße",
    "ß",
    "ſign",
    "",
    "a, b",
    "İx",
    "9",
    "10",
    "1.5",
    "K",
    "x\ny",
    "a:b",
]
#: Texts that a store can hold: a half character is none.
SHORT = sorted(set(HOSTILE_TEXTS.values()) - {HOSTILE_TEXTS["long word"], HOSTILE_TEXTS["half a surrogate pair"]})
ADDRESSES = ["10.0.0.1", "10.2.3.4", "::ffff:10.0.0.1", "2001:db8::1", "2001:DB8:0::1", "192.0.2.9", "no address", ""]
NETWORKS = ["10.0.0.0/8", "10.0.0.1/32", "2001:db8::/32", "0.0.0.0/0", "::/0", "10.128.0.0/9"]
MOMENTS = [
    "2026",
    "2026-11",
    "2026-11-23",
    "now",
    "now-2h",
    "now-1d/d",
    "now/w",
    "2026-11-23T10:30+02:00",
    "2026-11||+1M",
]
REGEXES = ["sign_.*", "s+", "[a-c].*", ".", "(?:a|s).*n", "a/b", "x.y", "[^s]*", r"\d+", r"\/"]

patterns = st.lists(
    st.sampled_from(["*", "?", "\\*", "\\?", "\\\\", "a", "B", "s", "ß", "i", " ", ":", '"', "-", "(", "é", "/", "OR"]),
    min_size=1,
    max_size=5,
).map("".join) | st.sampled_from([word for word in WORDS if "\\" not in word])


def _matching(field: str, pattern: str) -> Node:
    if pattern == "*":
        return Exists(field) if field else EVERYTHING
    return Match(field, pattern)


def _range(field: str, ends: st.SearchStrategy[str]) -> st.SearchStrategy[Node]:
    def made(low: str, high: str, closed: tuple[bool, bool], which: str) -> Node:
        if which == "low":
            return Range(field, low, None, closed[0], True)
        if which == "high":
            return Range(field, None, high, True, closed[1])
        return Range(field, low, high, *closed)

    both_flags = st.tuples(st.booleans(), st.booleans())
    return st.builds(made, ends, ends, both_flags, st.sampled_from(["low", "high", "both"]))


def _texts() -> st.SearchStrategy[Node]:
    return st.builds(_matching, st.sampled_from([*TEXT_FIELDS, "event.category", "source.ip", ""]), patterns)


leaf = st.one_of(
    _texts(),
    st.builds(_matching, st.just("source.ip"), st.sampled_from([a for a in ADDRESSES if "?" not in a])),
    st.builds(Network, st.just("source.ip"), st.sampled_from(NETWORKS)),
    st.builds(Exists, st.sampled_from([*TEXT_FIELDS, "source.ip", "event.category", TIME, INGESTED])),
    st.builds(Regex, st.sampled_from([*TEXT_FIELDS, ""]), st.sampled_from([r for r in REGEXES if r != r"\/"])),
    _range("event.risk_level", st.sampled_from(["0", "9", "10", "-1.5", "99999999999999999999"])),
    _range("device.id", st.sampled_from([word for word in WORDS if word])),
    _range("source.ip", st.sampled_from(["10.0.0.1", "10.9.9.9", "192.0.2.9"])),
    _range("source.ip", st.sampled_from(["2001:db8::1", "2001:db8::ff"])),
    _range(TIME, st.sampled_from(MOMENTS)),
    _range(INGESTED, st.sampled_from(MOMENTS)),
)
said_leaf = st.one_of(
    st.builds(Match, st.just("pinned"), st.sampled_from(["true", "false"])),
    st.builds(Match, st.just("label"), st.sampled_from(["intruder", "owner", "unknown"])),
    st.builds(_matching, st.just("mark"), st.sampled_from(["rule-a", "rule-*", "*", "rule-b"])),
)
trees: st.SearchStrategy[Node] = st.recursive(
    leaf | said_leaf,
    lambda inner: st.one_of(
        inner.map(negate),
        st.lists(inner, min_size=2, max_size=3).map(both),
        st.lists(inner, min_size=2, max_size=3).map(either),
    ),
    max_leaves=6,
)


def _event(number: int, time_us: int, ingested: int, texts: dict[str, str]) -> Event:
    fields: dict[str, Any] = {FIELDS[name]: value for name, value in texts.items()}
    return event(f"e{number}", time_us, ingested_us=ingested, **fields)


values = st.sampled_from(WORDS) | st.sampled_from(SHORT) | st.text("asSßi, ", max_size=4)
events = st.builds(
    _event,
    st.integers(0, 99),
    st.sampled_from([NOW_US, NOW_US - DAY_US, NOW_US - 3_600_000_000, NOW_US - 40 * DAY_US])
    | st.integers(0, NOW_US * 2),
    st.sampled_from([0, NOW_US, NOW_US - DAY_US]),
    st.fixed_dictionaries(
        {
            **dict.fromkeys(TEXT_FIELDS, values),
            "source.ip": st.sampled_from(ADDRESSES),
            "event.category": st.sampled_from(["iam", "iam, session", "", "Session"]),
            "event.risk_level": st.sampled_from(["", "9", "10", "9.0", "high", "-2", "99999999999999999999.5"]),
            "event.outcome": st.sampled_from(list(Outcome)),
        }
    ),
)
