"""The text boundary: whatever comes in, nothing that a terminal obeys comes out, and nothing is hidden."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import HOSTILE, HOSTILE_TEXTS, huge_line, obeyed
from workstation.services.text import (
    LIMIT,
    MARKS,
    Untrusted,
    clean,
    csv_cell,
    group4,
    is_clean,
    mask_email,
    mask_tail,
    mixed_scripts,
)

#: Any text at all, halves of surrogate pairs too; half of it from the characters that matter.
_NASTY = st.sampled_from(sorted({char for text in HOSTILE_TEXTS.values() for char in text}))
_CHARS = st.one_of(st.characters(), st.characters(categories=("Cs", "Cf", "Mn", "Me", "Cc", "Co", "Zl", "Zp")), _NASTY)
TEXTS = st.text(_CHARS, max_size=60)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("multiline", [False, True])
def test_nothing_that_a_terminal_obeys_is_left_of(name: str, multiline: bool) -> None:
    shown = clean(HOSTILE[name], multiline=multiline)
    allowed = ["U+000A"] if multiline else []
    assert [char for char in obeyed(shown) if char not in allowed] == []
    assert is_clean(shown)


@pytest.mark.parametrize("multiline", [False, True])
@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_nothing_that_a_terminal_obeys_is_left_of_any_text(text: str, multiline: bool) -> None:
    shown = clean(text, multiline=multiline)
    assert [char for char in obeyed(shown) if not (multiline and char == "U+000A")] == []
    assert is_clean(shown)
    shown.encode("utf-8")  # no half of a pair is left that could not be written


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=80))
def test_any_bytes_can_be_shown(data: bytes) -> None:
    shown = clean(data)
    assert obeyed(shown) == []


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    shown = clean(text)
    assert clean(shown) == shown
    if is_clean(text) and "\n" not in text:
        assert shown == text


@settings(max_examples=150, deadline=None)
@given(text=TEXTS, limit=st.integers(min_value=0, max_value=70))
def test_the_length_is_bounded_and_the_missing_counted(text: str, limit: int) -> None:
    shown = clean(text, limit)
    # No character becomes longer than ⟦U+10FFFF⟧, and the count is the only thing that is added.
    suffix = f" ⟦+{len(text) - limit} chars⟧" if len(text) > limit else ""
    assert shown.endswith(suffix)
    assert len(shown) <= 10 * limit + len(suffix)
    if not suffix:
        assert "chars⟧" not in shown or "chars⟧" in text


@settings(max_examples=100, deadline=None)
@given(text=TEXTS)
def test_two_texts_that_differ_in_a_hidden_character_do_not_look_the_same(text: str) -> None:
    for hidden in ("\u200b", "\u202e", "\x1b", "\u00ad", "\U000e0041", "\ufe0f"):
        assert clean(text + hidden) != clean(text)
        assert clean(hidden + text) != clean(text)


def test_the_raw_text_is_not_touched() -> None:
    raw = Untrusted(HOSTILE["osc 52 clipboard"])
    before = str(raw)
    clean(raw)
    assert raw == before
    assert raw.encode() == before.encode()


def test_at_most_three_marks_stand_on_a_letter() -> None:
    for name in ("zalgo", "zalgo with joiners between", "enclosing marks"):
        run = longest = 0
        for char in clean(HOSTILE[name]):
            run = run + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
            longest = max(longest, run)
        assert longest <= MARKS, name


def test_dropped_marks_are_counted_for_nobody_must_think_that_this_was_all() -> None:
    assert clean("Z" + "\u0301" * 20) == "Z" + "\u0301" * MARKS + "⟦+17 marks⟧"
    assert clean("Z" + "\u0301" * MARKS + "a") == "Z" + "\u0301" * MARKS + "a"


def test_honest_text_of_every_script_is_kept() -> None:
    for name in ("cjk", "fullwidth", "right to left", "combining", "ligature", "emoji"):
        assert clean(HOSTILE[name]) == HOSTILE[name], name


def test_markup_is_not_the_boundarys_business() -> None:
    """Widgets show text as content, never as markup; here it stays readable as it was written."""
    for name in ("markup action", "markup close", "markup colour"):
        assert clean(HOSTILE[name]) == HOSTILE[name]


def test_lines_are_kept_only_where_there_is_room_for_them() -> None:
    assert clean("a\r\nb") == "a␍␊b"
    assert clean("a\nb", multiline=True) == "a\nb"
    assert clean("a\r\nb", multiline=True) == "a␍\nb"


def test_ten_megabytes_are_cut_before_they_are_looked_at() -> None:
    line = huge_line()
    shown = clean(line)
    assert len(line) == 10_000_000
    assert len(shown) < 10 * LIMIT
    assert "⟦+" in shown
    assert obeyed(shown) == []


def test_any_value_can_be_shown() -> None:
    assert clean(None) == "None"
    assert clean(bytearray(b"a\x1bb")) == "a␛b"
    assert clean(memoryview(b"a\x1bb")) == "a␛b"
    assert clean(3) == "3"


@settings(max_examples=100, deadline=None)
@given(text=TEXTS)
def test_a_cell_is_one_cell_and_no_formula(text: str) -> None:
    cell = csv_cell(text)
    assert obeyed(cell) == []
    assert not cell.lstrip().startswith(tuple("=+-@|%＝＋－＠"))
    out = io.StringIO()
    csv.writer(out).writerow([cell])
    assert next(csv.reader(io.StringIO(out.getvalue()))) == [cell]


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u3000", "\t"])
def test_a_blank_before_a_formula_makes_it_no_less_a_formula(blank: str) -> None:
    assert csv_cell(f"{blank}=1+1").startswith("'")


def test_masks_hide_everything_but_what_they_promise() -> None:
    assert mask_email("maria.lopez@proton.me") == "m••••@proton.me"
    assert "secret" not in mask_email("secret")
    assert mask_tail("+351912345642") == "••••42"
    assert mask_tail("42") == "••••"
    assert mask_tail("123", 0) == "••••"


def test_ids_are_grouped_and_mixed_scripts_named() -> None:
    assert group4("AA71N84G") == "AA71 N84G"
    assert mixed_scripts(HOSTILE_TEXTS["homoglyphs"]) == "⚠ CYRILLIC+LATIN"
    assert mixed_scripts("paypal.com") == ""
