"""Back and forward, and queries under names."""

from __future__ import annotations

import pytest

from workstation.services.errors import Invalid
from workstation.services.timeline.query import history
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.history import History, QueriesInMemory, SavedQuery, Shelf
from workstation.services.timeline.query.language import parse

A, B, C = parse("a"), parse("b"), parse("c")
MINE, THEIRS = Shelf("person", "ana.k"), Shelf("procedure", "ATO")


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


class TestQueriesInMemory:
    """What any keeper of queries does."""

    def keeper(self) -> history.SavedQueries:
        return QueriesInMemory()

    async def test_a_query_is_kept_under_its_name(self) -> None:
        kept = self.keeper()
        await kept.save(SavedQuery(MINE, " Night ", "ip:10.0.0.1/8 and a"))
        await kept.save(SavedQuery(MINE, "alpha", "b"))
        await kept.save(SavedQuery(THEIRS, "Night", "c"))
        mine = await kept.list(MINE)
        assert [(one.name, one.text) for one in mine] == [("alpha", "b"), ("Night", "source.ip:10.0.0.0/8 a")]
        assert mine[0].query() == B
        await kept.save(SavedQuery(MINE, "alpha", "c"))
        assert [one.text for one in await kept.list(MINE)] == ["c", "source.ip:10.0.0.0/8 a"]
        await kept.delete(MINE, "alpha")
        await kept.delete(MINE, "alpha")
        assert len(await kept.list(MINE)) == len(await kept.list(THEIRS)) == 1

    @pytest.mark.parametrize(("name", "text"), [("", "a"), ("a" * 81, "a"), ("a\nb", "a"), ("x", "("), ("x", " ")])
    async def test_what_cannot_be_used_is_not_kept(self, name: str, text: str) -> None:
        kept = self.keeper()
        with pytest.raises(Invalid):
            await kept.save(SavedQuery(MINE, name, text))
        assert await kept.list(MINE) == ()

    async def test_a_shelf_has_an_end(self) -> None:
        kept = self.keeper()
        for number in range(history.MAX_SAVED):
            await kept.save(SavedQuery(MINE, f"q{number}", "a"))
        await kept.save(SavedQuery(MINE, "q0", "b"))
        await kept.save(SavedQuery(THEIRS, "one", "b"))
        with pytest.raises(Invalid, match="At most"):
            await kept.save(SavedQuery(MINE, "more", "a"))
