"""Back and forward."""

from __future__ import annotations

from workstation.services.timeline.query import history
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.history import History
from workstation.services.timeline.query.language import parse

A, B, C = parse("a"), parse("b"), parse("c")


def test_back_and_forward_go_like_pages() -> None:
    past = History()
    assert (past.query, past.back(), past.forward()) == (Query(), False, False)
    past.ask(A)
    past.ask(A)
    past.ask(B)
    assert past.asked == (Query(), A, B)
    assert past.back()
    assert past.query == A
    assert past.back()
    assert not past.back()
    assert past.forward()
    past.ask(C)
    assert past.asked == (Query(), A, C)
    assert not past.forward()
    assert past.go(0)
    assert (past.query, past.place) == (Query(), 0)


def test_a_long_sitting_forgets_its_beginning() -> None:
    past = History(A)
    for number in range(history.REMEMBERED + 5):
        past.ask(parse(f"word{number}"))
    assert len(past.asked) == history.REMEMBERED
    assert past.query == parse(f"word{history.REMEMBERED + 4}")
    assert A not in past.asked
