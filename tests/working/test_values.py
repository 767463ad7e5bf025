"""Questions about distinct values beside the plain way: Unicode, ends of lines, values that come meanwhile."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.working.events import TEXTS
from workstation.services.errors import Invalid
from workstation.services.timeline.working import values as module
from workstation.services.timeline.working.arena import joined
from workstation.services.timeline.working.values import Distinct

SOME = st.lists(TEXTS, unique=True, max_size=12).map(lambda texts: [text for text in texts if text])


def distinct(texts: list[str]) -> Distinct:
    found = Distinct()
    found.extend(joined(texts))
    return found


@settings(max_examples=120, deadline=None)
@given(texts=SOME, more=SOME, needle=TEXTS)
def test_equal_and_containing_are_what_casefold_says(texts: list[str], more: list[str], needle: str) -> None:
    values = distinct(texts)
    every = ["", *texts]
    for _ in range(2):
        folded = needle.casefold()
        assert values.equal(needle).tolist() == [text.casefold() == folded for text in every]
        assert values.containing(needle).tolist() == [folded in text.casefold() for text in every]
        assert values.where(str.isalpha).tolist() == [text.isalpha() for text in every]
        assert [values[code] for code in range(len(values))] == every
        values.extend(joined(more))  # the second time round half of the answer is kept from the first
        every += more


@settings(max_examples=120, deadline=None)
@given(texts=SOME, needle=TEXTS, enough=st.integers(1, 5), step=st.sampled_from([1, 7, 1 << 20]))
def test_the_latest_are_the_last_of_those_that_contain_it(
    texts: list[str], needle: str, enough: int, step: int
) -> None:
    values, asked = distinct(texts), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_STEP", step)
        found = values.latest(needle, enough, lambda: asked.append(None))
    every = [code for code, text in enumerate(["", *texts]) if needle and needle.casefold() in text.casefold()]
    assert found == every[::-1][:enough]
    assert asked or not found


PATTERNS = st.recursive(
    st.sampled_from(["a", "s", "ß", "ss", ".", "[^a]", r"\s", r"\W", r"\n", "^", "$", r"\b", r"\x00", "", "é", "i"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
        inner.map(lambda one: f"(?:{one})*"),
        inner.map(lambda one: f"({one})?"),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(texts=SOME, pattern=PATTERNS, lines=st.booleans())
def test_a_regular_expression_is_held_against_each_whole_value(texts: list[str], pattern: str, lines: bool) -> None:
    texts = texts if lines else [text.replace("\n", "") for text in texts]
    texts = list(dict.fromkeys(filter(None, texts)))
    options = re2.Options()
    options.case_sensitive, options.dot_nl = False, True
    plain = re2.compile(pattern.encode(), options)
    every = ["", *texts]
    found = distinct(texts).fullmatch(pattern).tolist()
    assert found == [plain.fullmatch(text.casefold().encode()) is not None for text in every]


@pytest.mark.parametrize(
    "pattern", [r"\Aab\z", r"(?-m)^ab$", r"a\Cc", r"(?i:AB)", r"(?s:a.)", r"(?P<x>a)b", "a|b", r"\Qab\E"]
)
def test_what_means_something_else_by_lines_is_asked_value_by_value(pattern: str) -> None:
    texts = ["ab", "xab", "abx", "aéc", "abc", "a", "b"]
    options = re2.Options()
    options.case_sensitive, options.dot_nl = False, True
    plain = re2.compile(pattern.encode(), options)
    assert distinct(texts).fullmatch(pattern).tolist() == [bool(plain.fullmatch(t.encode())) for t in ["", *texts]]


@pytest.mark.parametrize(
    "pattern", ["(", "a)(b", r"(?=a)", r"(a)\1", "a{1001}", "(" * 2000, "x" * 1001, "((a{100}){100}){100}"]
)
def test_what_is_no_expression_or_too_large_a_one_is_refused(pattern: str) -> None:
    with pytest.raises(Invalid):
        distinct(["a"]).fullmatch(pattern)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_pieces_and_many_finds_change_nothing(data: st.DataObject) -> None:
    texts = data.draw(st.lists(st.text(alphabet="abAB", min_size=1, max_size=6), unique=True, max_size=60))
    needle = data.draw(st.text(alphabet="abAB", min_size=1, max_size=3))
    piece, many = module._PIECE, module._MANY
    module._PIECE, module._MANY = data.draw(st.integers(1, 70)), data.draw(st.integers(0, 3))
    try:
        values, every = distinct(texts), ["", *texts]
        assert values.containing(needle).tolist() == [needle.lower() in text.lower() for text in every]
        assert values.equal(needle).tolist() == [needle.lower() == text.lower() for text in every]
    finally:
        module._PIECE, module._MANY = piece, many


def test_an_answer_stays_valid_and_cannot_be_written_to() -> None:
    values = distinct(["a", "b"])
    answer = values.containing("a")
    values.extend(joined(["aa"]))
    assert answer.tolist() == [False, True, False]
    assert values.containing("a").tolist() == [False, True, False, True]
    with pytest.raises(ValueError, match="read-only"):
        answer[0] = True
