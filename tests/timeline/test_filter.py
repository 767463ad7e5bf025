"""The filter: what it keeps, how it is written, and where it says that it cannot be read."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import HOSTILE_TEXTS
from tests.timeline.events import event
from workstation.services.timeline.event import FIELDS, Outcome
from workstation.services.timeline.filter import Filter, FilterError, Term, parse

MARIA = event(
    "e-1",
    1,
    action="second_factor.removed",
    category="iam, authentication",
    outcome=Outcome.FAILURE,
    ip="2001:db8::1",
    country="PT",
    device='Ana\'s "phone"',
    user_agent="Mozilla/5.0 (X11; Linux)",
)


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("event.action:second_factor.removed", True),
        ("event.action:SECOND_FACTOR.Removed", True),
        ("event.action:second_factor", False),
        ("event.action:second_factor.*", True),
        ("event.action:*.remove?", True),
        ("event.action:*.remov?", False),
        ('event.action:"second_factor.*"', False),
        (r"event.action:second_factor.\*", False),
        ("-event.action:second_factor.*", False),
        ("NOT event.outcome:success", True),
        ("!event.outcome:failure", False),
        ("event.outcome:failure event.category:iam", True),
        ("event.outcome:failure AND event.category:authentication", True),
        ("event.category:session", False),
        ("event.action:(sign_in OR second_factor.*)", True),
        ("event.action:(sign_in or sign_out)", False),
        ("-event.action:(sign_in sign_out)", True),
        ("source.ip:2001:db8::1", True),
        ('source.ip:"2001:db8::1"', True),
        ("ip:2001:db8:*", True),
        (r'device.id:"Ana\'s \"phone\""', True),
        ("country:*", True),
        ("session.id:*", False),
        ('session.id:""', True),
        ('country:""', False),
        ("-session.id:x", True),
        ("linux", True),
        ("x11 linux", True),
        ("moz*linux", True),
        ("linux*moz", False),
        ('"X11; Linux"', True),
        ("-linux", False),
        ("nowhere", False),
    ],
)
def test_what_is_kept(text: str, matches: bool) -> None:
    assert parse(text).matches(MARIA) is matches


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("event.action:sign_in event.acton:x", 21, "There is no field event.acton. Did you mean event.action?"),
        ("ip:", 2, "source.ip has no value."),
        ("a ip: b", 5, "source.ip has no value."),
        ('a "b', 2, "This quote is never closed."),
        ("ip:(a OR b", 3, "This bracket is never closed."),
        ("ip:()", 3, "Nothing is in these brackets."),
        ("a OR b", 2, "OR is only understood within brackets: field:(a OR b)."),
        ("ip:(a AND b)", 6, "One field cannot have two values at once; use OR."),
        ("(a b)", 0, "Brackets are only understood after a field: field:(a OR b)."),
        ("ip:[1 TO 2]", 3, "[ has a meaning of its own here. Put the value into quotes."),
        ("a~2", 1, "~ has a meaning of its own here. Put the value into quotes."),
        ("ip:>5", 3, "Comparisons and regular expressions are not understood. Use * for any text."),
        ("/x/", 0, "Comparisons and regular expressions are not understood. Use * for any text."),
        ("a b\\", 3, "A backslash takes the meaning from the next character."),
        ("-", 0, "A word is missing here."),
        ("a NOT ", 2, "NOT stands before a term."),
        ("ip:(a OR )", 9, "source.ip has no value."),
    ],
)
def test_what_cannot_be_read_says_where(text: str, column: int, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert (caught.value.column, caught.value.sentence()) == (column, said)


VALUES = st.text(max_size=12) | st.sampled_from(sorted(set(HOSTILE_TEXTS.values()) - {HOSTILE_TEXTS["long word"]}))
FIELD_NAMES = st.sampled_from(sorted(FIELDS))
PATTERNS = st.lists(
    st.sampled_from(["*", "?", "\\*", "\\?", "\\\\", "a", "B", " ", ":", '"', "-", "(", "é", "/", "OR"]),
    min_size=1,
    max_size=6,
).map("".join)
TERMS = st.builds(
    Term,
    FIELD_NAMES | st.just(""),
    st.lists(PATTERNS, min_size=1, max_size=1).map(tuple),
    st.booleans(),
) | st.builds(Term, FIELD_NAMES, st.lists(PATTERNS, min_size=1, max_size=3, unique=True).map(tuple), st.booleans())


@settings(max_examples=300, deadline=None)
@given(terms=st.lists(TERMS, max_size=4).map(tuple))
def test_a_filter_that_is_written_is_read_as_the_same(terms: tuple[Term, ...]) -> None:
    chosen = Filter(terms)
    assert parse(str(chosen)) == chosen


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=20) | st.text(st.sampled_from('ab:*?"\\()-! ORANDT[]~^{}<>/+'), max_size=14))
def test_any_text_is_read_or_says_where(text: str) -> None:
    try:
        chosen = parse(text)
    except FilterError as error:
        assert 0 <= error.column < max(1, len(text))
        assert error.what
    else:
        assert parse(str(chosen)) == chosen
        chosen.matches(MARIA)


@settings(max_examples=150, deadline=None)
@given(field=FIELD_NAMES, value=VALUES, other=VALUES)
def test_a_value_is_taken_literally(field: str, value: str, other: str) -> None:
    if field in ("event.outcome", "event.category"):
        return
    chosen = Filter().with_value(field, value)
    hiding = Filter().without_value(field, value)
    assert parse(str(chosen)) == chosen
    mine, theirs = (event("x", 1, **{FIELDS[field]: text}) for text in (value, other))
    assert chosen.matches(mine)
    assert not hiding.matches(mine)
    same = value.casefold() == other.casefold()
    assert chosen.matches(theirs) is same
    assert hiding.matches(theirs) is not same


def test_choosing_and_hiding_take_each_others_place() -> None:
    base = parse("linux event.category:iam")
    pt = base.with_value("source.geo.country_iso_code", "PT")
    assert str(pt) == "linux event.category:iam source.geo.country_iso_code:PT"
    assert str(pt.with_value("source.geo.country_iso_code", "NL")).endswith("iam source.geo.country_iso_code:NL")
    hidden = pt.without_value("source.geo.country_iso_code", "PT")
    assert str(hidden) == "linux event.category:iam -source.geo.country_iso_code:PT"
    assert hidden.without_value("source.geo.country_iso_code", "PT") == hidden
    assert hidden.with_value("source.geo.country_iso_code", "PT") == pt
    assert pt.without_last() == base
    assert not Filter()
    with pytest.raises(KeyError):
        base.with_value("nonsense", "x")


@settings(max_examples=200, deadline=None)
@given(pattern=st.text("ab*?", min_size=1, max_size=7), value=st.text("ab", min_size=1, max_size=9))
def test_stars_mean_what_they_mean_in_file_names(pattern: str, value: str) -> None:
    assert parse(f"device.id:{pattern}").matches(event("x", 1, device=value)) is fnmatch.fnmatchcase(value, pattern)


def test_many_stars_over_a_long_hostile_value_take_no_time_to_speak_of() -> None:
    """A backtracking search would not end within the age of the universe."""
    long = event("x", 1, user_agent="a" * 20_000)
    assert not parse(f"user_agent:{'a*' * 40}b").matches(long)
    assert not parse(f"{'a*' * 40}b").matches(long)
