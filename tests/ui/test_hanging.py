"""Long lines of a pane: every word stays, and a continuation stands under its text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workstation.widgets.hanging import hang, indent_of
from workstation.widgets.prose import Prose


@pytest.mark.parametrize(
    ("line", "indent"),
    [
        ("must agree   one more person", 13),
        ("  → wait, or protect the account", 4),
        ("✗ The SIM was changed", 2),
        ("a sentence of words", 0),
        ("", 0),
        ("event.reason                 withdrawal_review", 29),
        ("a very long label indeed, that goes on   text", 0),
        ("             could now", 13),
    ],
)
def test_the_indent_is_what_stands_before_the_text(line: str, indent: int) -> None:
    assert indent_of(line) == indent


def test_a_continuation_stands_under_its_text() -> None:
    prose = Prose().pair("reason", "Our own lock keeps a hospital from paying its staff tonight.")
    lines = hang(prose.content(), 40).plain.split("\n")
    assert lines == [
        "reason       Our own lock keeps a",
        "             hospital from paying its",
        "             staff tonight.",
    ]


@settings(max_examples=60)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z", "M")) | st.just(" "), max_size=200),
    st.integers(10, 60),
)
def test_nothing_is_lost_and_nothing_is_too_wide(text: str, width: int) -> None:
    content = Prose().pair("what", text).line(("→ ", "accent"), text).content()
    wrapped = hang(content, width)
    assert "".join(wrapped.plain.split()) == "".join(content.plain.split())
    hung = wrapped.split("\n", allow_blank=True)
    whole = content.split("\n", allow_blank=True)
    assert all(line.cell_length <= width or line.plain in {one.plain for one in whole} for line in hung)
