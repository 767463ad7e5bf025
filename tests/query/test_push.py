"""Pushing never loses an event that the query keeps, whatever a store compares in its own way."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import HOSTILE_TEXTS
from tests.query.stores import Records, columns
from tests.query.trees import NOW_US, SHORT, events, trees
from tests.timeline.events import event
from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.query.addresses import as_ipv6
from workstation.services.timeline.query.ast import Node, Query, asking
from workstation.services.timeline.query.edit import with_value, without_value
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.query.one import matches
from workstation.services.timeline.query.push import clickhouse, elastic, logql, logsql, postgres, spelling
from workstation.services.timeline.query.push.bounds import MAX_CONDITIONS, Column, Stored, push
from workstation.services.timeline.query.push.expressions import in_quotes, shared

COLUMNS = columns(ip=Stored.IP, tick_us=1_000)
TEXTS = {name: Column(name.replace(".", "_")) for name in FIELDS}


@settings(max_examples=200, deadline=None)
@given(
    tree=trees,
    happened=st.lists(events, max_size=5),
    ip=st.sampled_from([Stored.TEXT, Stored.IP]),
    tick=st.sampled_from([1, 1_000, 1_000_000]),
    left_out=st.sets(st.sampled_from(sorted(FIELDS)), max_size=4),
)
def test_the_query_lies_between_its_bounds(
    tree: Node, happened: list[Event], ip: Stored, tick: int, left_out: set[str]
) -> None:
    kept = frozenset(row for row, one in enumerate(happened) if matches(asking(tree), one, NOW_US))
    known = {name: column for name, column in columns(ip, tick).items() if name not in left_out}
    store = Records(known, happened)
    lower, upper = store.bounds(tree, NOW_US)
    nothing: frozenset[int] = frozenset()
    if not _asks_what_was_said(tree):
        assert (store.every if lower is True else lower or nothing) <= kept
        assert kept <= (store.every if upper is True else upper or nothing)
    pushed = push(asking(tree), store, NOW_US)
    assert pushed.nothing is (upper is False)
    if pushed.exact and not _asks_what_was_said(tree):
        assert (store.every if pushed.condition is None and not pushed.nothing else pushed.condition or nothing) == kept


def _asks_what_was_said(tree: Node) -> bool:
    return any(word in str(tree) for word in ("pinned:", "mark:", "label:"))


LETTERS = "aSſsßẞKkKﬁﬀfiIıİé,.*?\n "


@settings(max_examples=300, deadline=None)
@given(pattern=st.text(LETTERS.replace("\n", ""), min_size=1, max_size=5), value=st.text(LETTERS, max_size=5))
def test_every_spelling_of_a_value_is_found(pattern: str, value: str) -> None:
    spelled = spelling.of_pattern(pattern)
    if spelled is None:
        assert set(pattern) <= {"*"}
        return
    query = parse("device.id:" + "".join(char if char in "*?" else f"\\{char}" for char in pattern))
    kept = matches(query, event("x", 1, device=value), 0)
    assert not re.fullmatch(spelled.lower, value, re.DOTALL) or kept
    assert not kept or re.fullmatch(spelled.upper, value, re.DOTALL)
    if spelled.only is not None:
        assert kept is (value == spelled.only)


def test_what_a_store_answers_to_the_last_and_what_not() -> None:
    query = parse("event.action:signin event.action:pass* linux mark:x ip:10.0.0.0/8 -event.action:a.b time:>=now-1h")
    pushed = elastic.query_dsl(query, COLUMNS, NOW_US)
    assert [str(term) for term in pushed.local] == ["event.action:pass*", "linux", "mark:x"]
    assert not pushed.exact
    assert elastic.query_dsl(parse("action:signin"), COLUMNS, NOW_US).exact
    assert elastic.query_dsl(Query(), COLUMNS, NOW_US) == push(Query(), Records({}, []), NOW_US)
    assert elastic.query_dsl(parse("-*:*"), COLUMNS, NOW_US).nothing
    assert elastic.query_dsl(parse("ip:[10.0.0.9 TO 10.0.0.1]"), COLUMNS, NOW_US).nothing
    assert elastic.query_dsl(parse("not (linux or action:a)"), COLUMNS, NOW_US).condition == {
        "bool": {"must_not": [{"regexp": {"event.action": {"value": "[aA]", "flags": "NONE"}}}]}
    }


def test_what_a_store_would_refuse_is_finished_locally() -> None:
    deep = "ip:10.0.0.1"
    for number in range(12):
        deep = f"(device:{number} {'or' if number % 2 else 'and'} ({deep}))"
    pushed = elastic.query_dsl(parse(f"{deep} user.id:42"), COLUMNS, NOW_US)
    assert json.dumps(pushed.condition).count('"bool"') < 20
    assert len(pushed.local) == 1
    many = " ".join(f"-user.id:{number}" for number in range(900))
    pushed = elastic.query_dsl(parse(many), COLUMNS, NOW_US)
    assert pushed.condition is not None
    assert len(pushed.condition["bool"]["filter"]) == MAX_CONDITIONS
    assert len(pushed.local) == 900 - MAX_CONDITIONS
    assert not pushed.exact


def test_what_is_not_exact_is_not_pushed_when_it_is_denied() -> None:
    assert elastic.query_dsl(parse("-linux"), COLUMNS, NOW_US).condition is None
    assert elastic.query_dsl(parse("-event.action:/a+/"), COLUMNS, NOW_US).condition is None
    denied = clickhouse.where(parse("-event.action:strasse"), TEXTS, NOW_US).condition
    assert denied is not None
    assert denied.sql == "NOT match(ifNull(`event_action`, ''), {q1:String})"
    assert denied.parameters == {"q1": "(?s)^(?:[sSſ][tT][rR][aA][sSſ][sSſ][eE])$"}


def test_the_query_dsl() -> None:
    query = parse("ip:10.0.0.0/8 time:[2026-11-01 TO 2026-11-02] risk:>=62.5 user.id:42 (device:9 or session:*)")
    pushed = elastic.query_dsl(query, COLUMNS, NOW_US)
    assert pushed.exact
    assert pushed.condition == {
        "bool": {
            "filter": [
                {"term": {"source.ip": {"value": "10.0.0.0/8"}}},
                {"range": {"@timestamp": {"format": "epoch_millis", "gte": 1793491200000, "lt": 1793664000000}}},
                {"range": {"event.risk_level": {"gte": 62.5}}},
                {"term": {"user.id": {"value": "42"}}},
                {
                    "bool": {
                        "should": [
                            {"term": {"device.id": {"value": "9"}}},
                            {
                                "bool": {
                                    "filter": [{"exists": {"field": "session.id"}}],
                                    "must_not": [{"term": {"session.id": {"value": ""}}}],
                                }
                            },
                        ],
                        "minimum_should_match": 1,
                    }
                },
            ]
        }
    }


def test_a_value_too_long_for_the_index_is_not_lost() -> None:
    known = {"user_agent.original": Column("ua", longest=256), "device.id": Column("d", longest=3)}
    assert elastic.query_dsl(parse("user_agent.original:*9*"), known, NOW_US).condition == {
        "bool": {
            "should": [
                {"regexp": {"ua": {"value": ".*9.*", "flags": "NONE"}}},
                {"bool": {"must_not": [{"exists": {"field": "ua"}}]}},
            ],
            "minimum_should_match": 1,
        }
    }
    assert elastic.query_dsl(parse("device:123"), known, NOW_US).exact
    assert not elastic.query_dsl(parse("device:1234"), known, NOW_US).exact
    assert elastic.query_dsl(parse("device:*"), known, NOW_US).condition is None
    assert elastic.query_dsl(parse('device:""'), known, NOW_US).condition is not None


def test_clickhouse() -> None:
    known = columns(ip=Stored.IP) | {"device.id": Column("dev`ice\\")}
    pushed = clickhouse.where(
        parse("device:7 -ip:10.0.0.0/8 time:>=2026-11-23T12:00:00Z risk:<5 device:*a/9*"), known, 0
    )
    assert pushed.condition is not None
    assert pushed.condition.sql == (
        "((ifNull(`dev\\`ice\\\\`, '') = {q0:String})"
        " AND NOT (ifNull(isIPAddressInRange(toString(`source.ip`), {q1:String}), 0)"
        " OR ifNull(isIPAddressInRange(toString(`source.ip`), {q2:String}), 0))"
        " AND ifNull(`@timestamp` >= fromUnixTimestamp64Micro({q3:Int64}), 0)"
        " AND ifNull(`event.risk_level` < {q4:Int64}, 0)"
        " AND (match(ifNull(`dev\\`ice\\\\`, ''), {q5:String}) OR NOT isValidUTF8(ifNull(`dev\\`ice\\\\`, ''))))"
    )
    assert pushed.condition.parameters == {
        "q0": "7",
        "q1": "10.0.0.0/8",
        "q2": as_ipv6("10.0.0.0/8"),
        "q3": NOW_US,
        "q4": 5,
        "q5": pushed.condition.parameters["q5"],
    }
    assert clickhouse.over_http({"q0": "a\tb\\c\n", "q1": 5}) == {"param_q0": "a\\tb\\\\c\\n", "param_q1": "5"}


def test_postgres() -> None:
    known = {
        "device.id": Column('de"v%'),
        "@timestamp": Column("at", Stored.TIME),
        "source.ip": Column("ip", Stored.IP),
    }
    pushed = postgres.where(parse("device:7 time:<2026-11-23T12:00:00Z -device:x"), known, NOW_US)
    assert pushed.exact
    assert pushed.condition is not None
    assert pushed.condition.sql == (
        '((coalesce("de""v%%"::text, \'\') = %(q0)s::text)'
        ' AND coalesce(("at" < %(q1)s::timestamptz), FALSE)'
        ' AND NOT (coalesce("de""v%%"::text, \'\') ~ %(q2)s::text))'
    )
    assert pushed.condition.parameters == {"q0": "7", "q1": "2026-11-23T12:00:00+00:00", "q2": "^(?:[xX])$"}


def test_logql_has_no_not() -> None:
    known = {"event.action": Column("action"), "source.ip": Column("ip", Stored.IP), "device.id": Column("no.label")}
    pushed = logql.label_filter(parse("-(action:9 or action:8x*) device:7 ip:10.0.0.0/8"), known, NOW_US)
    assert pushed.condition == (
        '((action!="9" and action!~"(?s:8[xX].*)") and (ip=ip("10.0.0.0/8") or ip=~"(?s:.*[fF][fF][fF][fF]:.*)"))'
    )
    assert [str(term) for term in pushed.local] == ["device.id:7", "source.ip:10.0.0.0/8"]
    assert logql.label_filter(parse('action:""'), known, 0).condition == 'action=""'
    assert logql.label_filter(parse("action:/9+/"), known, 0).condition == (
        '((action=~"(?is:9+)" and action!="") or action!~"^[\\\\x00-\\\\x7f]*$")'
    )


def test_logsql() -> None:
    known = {"user.id": Column("user.id"), "@timestamp": Column("_time", Stored.TIME)}
    pushed = logsql.filters(parse("-user.id:42 user.id:* time:[2026-11-23 TO 2026-11-24}"), known, NOW_US)
    assert pushed.condition == (
        '(!"user.id":="42" and "user.id":* and (_time:>=2026-11-23T00:00:00Z and _time:<2026-11-24T00:00:00Z))'
    )
    assert pushed.exact


HOSTILE = sorted(set(HOSTILE_TEXTS.values()))


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_stays_a_value(value: str) -> None:
    query = without_value(with_value(Query(), "device.id", value), "target.id", value)
    plain = clickhouse.where(query, TEXTS, NOW_US).condition
    other = clickhouse.where(parse("device.id:x -target.id:x"), TEXTS, NOW_US).condition
    for chosen in (plain, postgres.where(query, TEXTS, NOW_US).condition):
        if chosen is not None and value:
            assert re.fullmatch(r"[A-Za-z0-9_\s(){}:`\"'!=<>,~%]*", chosen.sql)
            assert not value.strip() or len(value) < 4 or value not in chosen.sql
            assert all("\0" not in str(parameter) for parameter in chosen.parameters.values())
    assert other is not None
    json.loads(json.dumps(elastic.query_dsl(query, TEXTS, NOW_US).condition))
    for text in (logql.label_filter(query, TEXTS, NOW_US).condition, logsql.filters(query, TEXTS, NOW_US).condition):
        outside = _STRING.sub("", text or "")
        assert '"' not in outside
        assert re.fullmatch(r"[a-z_ ()!=~:*]*", outside)


_STRING = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(SHORT))
def test_a_string_of_go_holds_the_text(text: str) -> None:
    written = in_quotes(text)
    assert _STRING.fullmatch(written)
    assert written.isprintable()
    assert (
        re.sub(
            r"\\(?:x(..)|u(....)|U(........)|(.))",
            lambda found: found[4] or chr(int(found[1] or found[2] or found[3], 16)),
            written[1:-1],
        )
        == text
    )


def test_half_a_character_is_in_no_string() -> None:
    with pytest.raises(ValueError, match="half a character"):
        in_quotes("a\ud800")
    assert logql.label_filter(with_value(Query(), "device.id", "a\ud83d"), TEXTS, 0).condition is None


def test_expressions_that_both_engines_read_alike() -> None:
    assert all(shared(source) for source in (r"a+\.b", r"\d{2,3}|[^x]", r"\bx\b", "(a|b)?"))
    assert not any(shared(source) for source in (r"\p{Lu}", "(?-i)A", "[[:upper:]]", "é", r"\Qa\E", r"\x41", r"\C"))
