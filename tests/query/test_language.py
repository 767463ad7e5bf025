"""Reading: what is understood, what is written, and where a text cannot be read."""

from __future__ import annotations

import fnmatch
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.query.trees import NOW_US, trees
from tests.timeline.events import event
from workstation.services.timeline.event import Outcome
from workstation.services.timeline.query import errors
from workstation.services.timeline.query.ast import Node, Query, asking
from workstation.services.timeline.query.errors import QueryError
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.query.one import matches

MARIA = event(
    "e-1",
    NOW_US - 3 * 86_400_000_000,
    action="second_factor.removed",
    category="iam, authentication",
    outcome=Outcome.FAILURE,
    ip="2001:db8::1",
    country="PT",
    device='Ana\'s "phone"',
    user_agent="Mozilla/5.0 (X11; Linux)",
    asn="AS9009",
    risk="62.5",
)
JOHN = event("e-2", 1, action="sign_in", ip="10.20.30.40", device="not")
SAID = {"mark": {"factor-removed"}, "label": {"intruder"}, "pinned": {"true"}}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", True),
        ("  ", True),
        ("*", True),
        ("*:*", True),
        ("-*:*", False),
        # values
        ("event.action:second_factor.removed", True),
        ("event.action:SECOND_FACTOR.Removed", True),
        ("event.action:second_factor", False),
        ("event.action:*.remove?", True),
        ("event.action:*.remov?", False),
        ('event.action:"second_factor.*"', False),
        (r"event.action:second_factor.\*", False),
        (r'device.id:"Ana\'s \"phone\""', True),
        ("source.ip:2001:db8::1", True),
        ("ip:2001:DB8:0:0::1", True),
        ("ip:2001:db8:*", True),
        ("event.category:session", False),
        ("event.category:authentication", True),
        ("country:*", True),
        ("_exists_:country", True),
        ("_exists_:session", False),
        ('session.id:""', True),
        ('country:""', False),
        # words
        ("linux", True),
        ("moz*linux", True),
        ("linux*moz", False),
        ('"X11; Linux"', True),
        ("-linux", False),
        ("nowhere", False),
        # joining
        ("x11 linux", True),
        ("x11 nowhere", False),
        ("linux OR nowhere", True),
        ("nowhere or linux", True),
        ("nowhere || linux", True),
        ("linux && nowhere", False),
        ("linux and x11", True),
        ("not nowhere", True),
        ("NOT linux", False),
        ("!linux", False),
        ("+linux -nowhere", True),
        ("not not linux", True),
        ("nowhere linux OR x11", True),
        ("x11 OR linux nowhere", True),
        ("(x11 OR linux) nowhere", False),
        ("not (nowhere or absent)", True),
        ("not nowhere and linux", True),
        ("linux and not (x11)", False),
        # the brackets of a field
        ("event.action:(sign_in or second_factor.*)", True),
        ("event.action:(sign_in second_factor.removed)", True),
        ("-event.action:(sign_in sign_out)", True),
        ("event.action:(second* -second_factor.removed)", False),
        ("event.action:(second* not sign_in)", True),
        ("event.action:(second* and *removed)", True),
        ("event.action:(second* AND (sign_in OR *removed))", True),
        ("event.action:(+second* +sign*)", False),
        # ranges
        ("event.risk_level:[60 TO 70]", True),
        ("risk:[62.5 TO 70]", True),
        ("risk:{62.5 TO 70]", False),
        ("risk:[60 TO 62.5}", False),
        ("risk:>=62.5", True),
        ("risk:>62.50", False),
        ("risk:<100", True),
        ("risk:[* TO 62.5]", True),
        ("risk:[* TO *]", True),
        ("asn:>9000", True),
        ("country:[PA TO PZ]", True),
        ("country:[pu TO pz]", False),
        ("session.id:[a TO z]", False),
        ("ip:[2001:db8:: TO 2001:db8::ff]", True),
        ("ip:>2001:db8::1", False),
        # networks
        ("source.ip:2001:db8::/32", True),
        ("source.ip:2001:db9::/32", False),
        ("source.ip:0.0.0.0/0", False),
        ('source.ip:"2001:db8::/32"', False),
        ("-ip:(10.0.0.0/8 OR 2001:db8:1::/48)", True),
        # times
        ("@timestamp:2026-11", True),
        ("@timestamp:2026-11-20", True),
        ("@timestamp:2026-11-21", False),
        ("time:[2026-11-19 TO 2026-11-20]", True),
        ("time:[2026-11-19 TO 2026-11-20}", False),
        ("time:>2026-11-20", False),
        ("time:>=2026-11-20T12:00:00Z", True),
        ('time:<"2026-11-20 14:00:00+02:00"', False),
        ("time:[now-3d TO now]", True),
        ("time:[now-3d/d TO now-3d/d]", True),
        ("time:>now-71h", False),
        ("time:2026-12||-1M/M", True),
        ("ingested:*", False),
        # regular expressions
        ("event.action:/second_(factor|chance).*/", True),
        ("event.action:/second/", False),
        ("/x11; l.nux/", True),
        ("user_agent:/mozilla\\/5.*/", True),
        ("session:/.*/", False),
        # what was said
        ("pinned:true", True),
        ("pinned:false", False),
        ("mark:factor-removed", True),
        ("mark:factor-*", True),
        ("mark:*", True),
        ("mark:travel", False),
        ("label:intruder", True),
        ("label:(owner OR unknown)", False),
    ],
)
def test_what_is_kept(text: str, kept: bool) -> None:
    assert matches(parse(text), MARIA, NOW_US, SAID) is kept


def test_small_operators_are_operators_and_in_quotes_they_are_words() -> None:
    assert matches(parse('device:"not" "not"'), JOHN, NOW_US)
    assert str(parse('"not" "OR"')) == '"not" "OR"'
    assert not matches(parse("device:Not sign_out"), JOHN, NOW_US)
    assert matches(parse("notes or sign_in"), JOHN, NOW_US)
    assert matches(parse("ip:10.0.0.0/8 and not ip:10.20.0.0/255.255.255.0"), JOHN, NOW_US)


@pytest.mark.parametrize(
    ("text", "column", "length", "said"),
    [
        ("event.action:sign_in event.acton:x", 21, 11, "There is no field event.acton. Did you mean event.action?"),
        ("qqqq:1", 0, 4, "There is no field qqqq. A value with a colon goes into quotes."),
        ("_exists_:acton", 9, 5, "There is no field acton. Did you mean action?"),
        ("ip:", 2, 1, "source.ip has no value."),
        ("a ip: b", 5, 1, "source.ip has no value."),
        ('a "b', 2, 1, "This quote is never closed."),
        ("ip:(a OR b", 3, 1, "This bracket is never closed."),
        ("(a b", 0, 1, "This bracket is never closed."),
        ("a) b", 1, 1, "No bracket is open here."),
        ("ip:()", 3, 2, "Nothing is in these brackets."),
        ("a OR ", 4, 1, "A word is missing here."),
        ("OR a", 0, 2, 'OR stands between two terms. To look for the word, write "or".'),
        ("a and and b", 6, 3, 'AND stands between two terms. To look for the word, write "and".'),
        ("a NOT ", 2, 3, 'NOT stands before a term. To look for the word, write "not".'),
        ("-", 0, 1, "A word is missing here."),
        ("ip:(a OR )", 9, 1, "source.ip has no value."),
        ("a~2", 1, 1, "Likeness is not understood; * stands for any text and ? for one character. "),
        ("a^2", 1, 1, "Nothing is ranked here, so ^ means nothing. Put the value into quotes."),
        ("a]", 1, 1, "] has a meaning of its own here. Put the value into quotes."),
        (">5", 0, 1, "A comparison needs a field: field:>5. Or put it into quotes."),
        ("risk:[1 2]", 5, 3, "TO is missing in this range: [from TO to]."),
        ("risk:[1 TO 2", 5, 7, "This range is never closed."),
        ("risk:[", 5, 1, "This range is never closed."),
        (
            "risk:>high",
            6,
            4,
            "event.risk_level is compared with numbers. To ask for a word, write event.risk_level:word.",
        ),
        ("ip:10.0.0.0/99", 3, 11, "This is no network. It is written 10.0.0.0/8 or 2001:db8::/32."),
        ("ip:>ten", 4, 3, "This is no address. A network is written 10.0.0.0/8."),
        ("ip:[10.0.0.1 TO ::1]", 3, 17, "A range of addresses is of IPv4 or of IPv6."),
        ("time:yesterday", 5, 9, "A time is 2026-11-03, 2026-11-03T10:15Z or now-2h."),
        ("time:2026-13", 5, 7, "There is no such day or hour."),
        ("time:2026-11-03T10:00+99:00", 5, 22, "There is no such time zone."),
        ("time:now-2x", 5, 6, "After a time comes +1h, -7d or /d; units are y M w d h m s."),
        ("time:2026-11-*", 5, 9, "An end of a range has no wildcards. A month is written 2026-11."),
        ("time:/x/", 5, 3, "@timestamp knows no regular expressions."),
        ("pinned:maybe", 7, 5, "pinned knows no maybe. It is one of true, false."),
        ("mark:>a", 6, 1, "mark has no order."),
        ("/x", 0, 1, "This / is never closed. A value that begins with / goes into quotes."),
        ("//", 0, 2, "Nothing is between these slashes."),
        ("device:/a(/", 7, 4, "This is no regular expression: missing ): a(. Use * for any text."),
        ("a b\\", 3, 1, "A backslash takes the meaning from the next character."),
    ],
)
def test_what_cannot_be_read_says_where(text: str, column: int, length: int, said: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    error = caught.value
    assert error.sentence().startswith(said)
    assert (error.column, error.length, error.text) == (column, length, text)
    assert error.pointer() == " " * column + "^" * length


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a" * (errors.MAX_TEXT + 1), "at most 20,000 characters"),
        ("a " * (errors.MAX_TERMS + 1), "at most 1,000 conditions"),
        ("ip:(" + "1 OR " * 3_900 + "1)", "at most 1,000 conditions"),
        ("(" * 10_000, "at most 50 deep"),
        ("-(" * 9_000 + "a", "at most 50 deep"),
        ("*a" * 51, r"at most 50 of \* and \?"),
        ("a* " * 1_000 + "a*", "at most 1,000"),
        ("device:/" + "a" * 501 + "/", "at most 500 characters"),
        ("device:/((a{100}){100}){100}/", "no regular expression"),
        ("device:/" + "(a{900})" * 60 + "/", "no regular expression"),
        ("device:/(?=a)/", "no regular expression"),
        (r"device:/(a)\1/", "no regular expression"),
    ],
)
def test_bombs_are_refused_with_a_sentence(text: str, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        parse(text)


@settings(max_examples=150, deadline=None)
@given(tree=trees)
def test_a_query_that_is_written_is_read_as_the_same(tree: Node) -> None:
    query = asking(tree)
    assert parse(str(query)) == query
    assert parse(str(parse(str(query)))) == query


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(max_size=25)
    | st.text(st.sampled_from('ab:*?"\\()-! ORANDT[]~^{}<>/+@.0|&='), max_size=16)
    | st.lists(
        st.sampled_from(
            [
                "ip:",
                "time:",
                "risk:",
                "(",
                ")",
                " ",
                "a",
                '"',
                "/",
                "or ",
                "not ",
                "[1 TO 2]",
                ">",
                "-",
                "now",
                "*",
                "\\",
            ]
        ),
        max_size=10,
    ).map("".join)
)
def test_any_text_is_read_or_says_where(text: str) -> None:
    try:
        query = parse(text)
    except QueryError as error:
        assert 0 <= error.column < max(1, len(text))
        assert 1 <= error.length <= max(1, len(text) - error.column)
        assert error.what
        assert error.text == text
    else:
        assert parse(str(query)) == query
        matches(query, MARIA, NOW_US)


@settings(max_examples=100, deadline=None)
@given(pattern=st.text("ab*?", min_size=1, max_size=7), value=st.text("ab", min_size=1, max_size=9))
def test_stars_mean_what_they_mean_in_file_names(pattern: str, value: str) -> None:
    query = parse(f"device.id:{pattern}")
    assert matches(query, event("x", 1, device=value), 0) is fnmatch.fnmatchcase(value, pattern)


def test_many_stars_over_a_long_hostile_value_take_no_time_to_speak_of() -> None:
    """A backtracking search would not end within the age of the universe."""
    long = event("x", 1, user_agent="a" * 20_000)
    assert not matches(parse(f"user_agent:{'a*' * 40}b"), long, 0)
    assert not matches(parse(f"{'a*' * 40}b"), long, 0)
    assert not matches(parse("user_agent:/(a*)*b/"), long, 0)


def test_a_network_is_written_in_its_shortest_form() -> None:
    assert str(parse("ip:(10.1.2.3/8 or ::ffff:10.0.0.0/104 or 2001:DB8:0::/32)")) == (
        "source.ip:(10.0.0.0/8 OR 10.0.0.0/8 OR 2001:db8::/32)"
    )


def test_reading_and_changing_queries_loads_nothing_heavy() -> None:
    """The screen reads queries before its first frame; columns and expressions come later."""
    code = (
        "import sys; from workstation.services.timeline.query import edit, history, language, one; "
        "language.parse('a ip:10.0.0.0/8 time:>now-1h b*'); "
        "print(sorted({'numpy', 're2', 'textual', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_no_query_asks_for_everything() -> None:
    assert not Query()
    assert str(Query()) == ""
    assert parse("*:*") == parse("") == Query()
