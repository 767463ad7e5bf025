"""Sigma rules: what they match, and what is refused with its line."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

from tests.marks.given import frame
from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.marks.finder import find
from workstation.services.timeline.marks.sigma import Loaded, read
from workstation.services.timeline.working.frame import never

RULE = """
title: A trial
name: trial
logsource: {{product: account}}
detection:
{detection}
level: low
x-workstation:
  why: "{{count}} events within {{span}}"
  innocent: none
  tests:
    - {{name: hit, fires: true, events: []}}
    - {{name: miss, fires: false, events: []}}
"""
EVENTS = [
    {
        "event.action": "sign_in",
        "source.ip": "10.0.0.7",
        "source.as.number": "AS9009",
        "user.id": "a",
        "user.name": "Zoë",
    },
    {"event.action": "sign_in.challenged", "source.ip": "10.0.1.7", "source.as.number": "3320", "user.id": "B"},
    {"event.action": "Sign_Out", "source.ip": "2001:db8::1", "user.id": "b", "user.target.id": "B", "at": "13h"},
    {"event.action": "order.placed", "event.reason": "bought 1.5 BTC*", "user.target.id": "x"},
    {"event.action": "", "event.reason": "nothing said"},
]


def given(detection: str) -> Loaded:
    return read(RULE.format(detection=textwrap.indent(textwrap.dedent(detection).strip(), "  ")), "trial.yml")


def matched(detection: str) -> list[int]:
    """Return the rows that a detection means."""
    loaded = given(detection)
    assert loaded.problems == ()
    (rule,) = loaded.rules
    return np.flatnonzero(rule._asked(frame(EVENTS), never)).tolist()


@pytest.mark.parametrize(
    ("selection", "rows"),
    [
        ("event.action: SIGN_IN", [0]),
        ("event.action: sign_*", [0, 1, 2]),
        ("event.action: sign?out", [2]),
        ("event.action: '*'", [0, 1, 2, 3]),
        ("event.action: null", [4]),
        ("event.action|exists: false", [4]),
        ("event.action|startswith: sign_in", [0, 1]),
        ("event.action|endswith: [out, placed]", [2, 3]),
        ("event.action|contains|all: [sign, chall]", [1]),
        ("event.action|cased: Sign_Out", [2]),
        ("event.action|cased|startswith: sign", [0, 1]),
        (r"event.action|re: ^sign_\w+$", [0]),
        ("event.action|re: Sign", [2]),
        ("event.action|re|i: ^sign", [0, 1, 2]),
        (r"event.reason: '*btc\*'", [3]),
        ("event.action|neq: sign_in", [1, 2, 3, 4]),
        ("user.name: ZOË", [0]),
        ("source.ip|cidr: 10.0.0.0/23", [0, 1]),
        ("source.ip|cidr: 2001:db8::/32", [2]),
        ("source.as.number|gte: 9009", [0]),
        ("source.as.number|lt: 9009", [1]),
        ("source.as.number: 3320", [1]),
        ("user.id|fieldref: user.target.id", [2]),
        ("'@timestamp|hour': 13", [2]),
        ("'@timestamp|day': 2", [0, 1, 2, 3, 4]),
    ],
)
def test_conditions_mean_what_sigma_says(selection: str, rows: list[int]) -> None:
    assert matched(f"one:\n  {selection}\ncondition: one") == rows


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("first and second", [1]),
        ("first and not second", [0]),
        ("1 of them", [0, 1, 2]),
        ("all of first*", [0, 1]),
        ("1 of s*", [1, 2]),
        ("not (first or second)", [3, 4]),
    ],
)
def test_selections_are_joined(condition: str, rows: list[int]) -> None:
    selections = "first: {event.action|startswith: sign_in}\nsecond: {user.id: b}\ncondition: "
    assert matched(selections + condition) == rows


def test_words_are_looked_for_in_every_field() -> None:
    assert matched("words: [btc, ZOË]\ncondition: words") == [0, 3]


def test_a_list_of_mappings_is_any_of_them() -> None:
    assert matched("any:\n  - user.id: a\n  - event.action: order.placed\ncondition: any") == [0, 3]


@pytest.mark.parametrize(
    ("detection", "line", "said"),
    [
        ("one:\n  source.ip|base64: x\ncondition: one", 7, "“base64” is not supported"),
        ("one:\n  event.action|sounds: x\ncondition: one", 7, "no modifier of Sigma"),
        ("one:\n  user.mood: x\ncondition: one", 7, "a field “user.mood”"),
        ("one:\n  event.action: x\ncondition: two", 8, "condition"),
        ("one:\n  event.action|re: '(?=a)b'\ncondition: one", 7, "regular expression"),
        ("one:\n  event.action|hour: 3\ncondition: one", 7, "“hour” is not supported"),
        ("one:\n  event.action|expand: '%x%'\ncondition: one", 7, "“expand” is not supported"),
        ("one:\n  event.action: x\none:\n  event.action: y\ncondition: one", 8, "twice"),
        ("one: &a\n  event.action: x\ntwo: *a\ncondition: one", 6, "Anchors"),
        ("one: {event.action: x\ncondition: one", 7, "no YAML"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_line(detection: str, line: int, said: str) -> None:
    loaded = given(detection)
    assert loaded.rules == ()
    assert [problem.line for problem in loaded.problems] == [line]
    assert said in loaded.problems[0].sentence() and loaded.problems[0].file == "trial.yml"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("name: trial", "name: T"), "needs a name"),
        (("level: low", "level: grave"), "level"),
        (("product: account", "product: windows"), "no log source “windows”"),
        (("innocent: none", "innocent: ''"), "explain itself"),
        (("within {span}", "by {user.mood}"), "“{user.mood}” stands for nothing"),
        (("fires: true", "fires: false"), "proves itself"),
        (("  innocent: none", "  innocent: none\n  colour: red"), "“colour” means nothing"),
        (("  innocent: none", "  innocent: none\n  fold: soon"), "no span of time"),
    ],
)
def test_a_rule_must_explain_and_prove_itself(change: tuple[str, str], said: str) -> None:
    text = RULE.format(detection="  one: {event.action: x}\n  condition: one")
    assert change[0] in text
    loaded = read(text.replace(*change), "trial.yml")
    assert loaded.rules == () and said in loaded.problems[0].sentence()


CORRELATION = """
title: Part
name: part
logsource: {{product: account}}
detection:
  one: {{event.action: x}}
  condition: one
---
title: Other
name: other
logsource: {{product: account}}
detection:
  one: {{event.action: y}}
  condition: one
---
title: Whole
name: whole
correlation:
{correlation}
level: high
x-workstation:
  why: "{{count}} by {{user.id}} from {{source.ip}}"
  innocent: none
  tests:
    - {{name: hit, fires: true, events: []}}
    - {{name: miss, fires: false, events: []}}
"""


def correlated(correlation: str, records: list[dict[str, str]]) -> list[tuple[int, ...]]:
    text = CORRELATION.format(correlation=textwrap.indent(textwrap.dedent(correlation).strip(), "  "))
    loaded = read(text, "whole.yml")
    assert loaded.problems == ()
    assert [rule.about.id for rule in loaded.rules if rule.about.id == "whole"] == ["whole"]
    found = find(frame(records), 0, loaded.rules)
    assert found.failed == ()
    return sorted(finding.rows for finding in found.findings)


def acts(words: str, **more: str) -> list[dict[str, str]]:
    """Return events a minute apart, each as ``action`` or ``action/user``."""
    pairs = [(*word.split("/"), "")[:2] for word in words.split()]
    return [{"at": f"{n}m", "event.action": a, "user.id": u} | more for n, (a, u) in enumerate(pairs)]


def test_events_are_counted_in_windows_of_a_group() -> None:
    by_user = "type: event_count\nrules: [part]\ngroup-by: [user.id]\ntimespan: 3m\ncondition: {gte: 3}"
    records = acts("x/a x/b x/a x/a x/b z/b x/b x/ x/ x/ x/")
    assert correlated(by_user, records) == [(0, 2, 3)]


def test_values_are_counted_once() -> None:
    values = "type: value_count\nrules: [part]\ntimespan: 5m\ncondition: {field: user.id, gte: 3}"
    assert correlated(values, acts("x/a x/b x/a x/b x/b x/a")) == []
    assert correlated(values, acts("x/a x/b x/b x/c")) == [(0, 1, 2, 3)]


def test_rules_meet_in_any_order_or_in_theirs() -> None:
    together = "type: temporal\nrules: [part, other]\ntimespan: 2m"
    in_order = "type: temporal_ordered\nrules: [part, other]\ntimespan: 2m"
    records = acts("y z x z z z x z z y")
    assert correlated(together, records) == [(0, 2)]
    assert correlated(in_order, records) == []
    assert correlated(in_order, acts("x z y z x y")) == [(0, 2), (4, 5)]


def test_an_alias_joins_fields_of_several_rules() -> None:
    alias = """
    type: temporal
    rules: [part, other]
    timespan: 5m
    group-by: [who]
    aliases:
      who: {part: user.id, other: user.target.id}
    """
    assert correlated(alias, [*acts("x/ann"), {"at": "1m", "event.action": "y", "user.target.id": "ANN"}]) == [(0, 1)]
    assert correlated(alias, [*acts("x/ann"), {"at": "1m", "event.action": "y", "user.target.id": "bob"}]) == []


@pytest.mark.parametrize(
    ("correlation", "said"),
    [
        ("type: event_count\nrules: [part]\ntimespan: 3m\ncondition: {lt: 3}", "“lt” is not supported"),
        ("type: value_sum\nrules: [part]\ntimespan: 3m\ncondition: {field: user.id, gte: 3}", "“value_sum”"),
        ("type: event_count\nrules: [nobody]\ntimespan: 3m\ncondition: {gte: 3}", "“nobody” is not there"),
        ("type: event_count\nrules: [part]\ntimespan: soon\ncondition: {gte: 3}", "Timespan"),
        ("type: temporal\nrules: [part, other]\ntimespan: 3m\ncondition: part and not other", "in words"),
        ("type: event_count\nrules: [part]\ngroup-by: [mood]\ntimespan: 3m\ncondition: {gte: 3}", "“mood”"),
    ],
)
def test_correlations_that_cannot_be_kept_are_refused(correlation: str, said: str) -> None:
    loaded = read(CORRELATION.format(correlation=textwrap.indent(correlation, "  ")), "whole.yml")
    assert "whole" not in {rule.about.id for rule in loaded.rules}
    (problem,) = loaded.problems
    assert said in problem.sentence() and problem.line >= 15


def test_every_field_of_an_event_may_be_asked() -> None:
    for field in FIELDS:
        assert given(f"one:\n  {field}: x\ncondition: one").problems == ()
