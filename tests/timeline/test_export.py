"""CSV of events: what a spreadsheet makes of it, and whose copy it is."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import HOSTILE
from workstation.services.text import is_clean
from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.export import write_csv

NOW = datetime(2026, 3, 3, 14, 2, tzinfo=UTC)
FORMULAE = ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "＋1", "－1", "＠x")


def table(*agents: str) -> list[dict[str, str]]:
    events = [Event(id=f"e{n}", time_us=n, source="s", action="sign_in", user_agent=a) for n, a in enumerate(agents)]
    out = io.StringIO()
    assert write_csv(events, out, "ana.k", NOW) == len(agents)
    return list(csv.DictReader(io.StringIO(out.getvalue())))


@pytest.mark.parametrize("text", FORMULAE)
def test_no_cell_is_a_formula(text: str) -> None:
    (row,) = table(text)
    assert row["user_agent.original"].lstrip()[0] not in "=+-@\t\r＝＋－＠"


@given(st.lists(st.text() | st.sampled_from([t for t in HOSTILE.values() if isinstance(t, str)]), max_size=5))
def test_any_text_stays_in_its_cell(texts: list[str]) -> None:
    rows = table(*texts)
    assert [row["event.id"] for row in rows] == [f"e{n}" for n in range(len(texts))]
    assert all(is_clean(cell) for row in rows for cell in row.values())


def test_each_row_says_whose_copy_it_is() -> None:
    rows = table("a", "b")
    assert {(row["exported.by"], row["exported.at"]) for row in rows} == {("ana.k", "2026-03-03T14:02:00+00:00")}
    assert set(FIELDS) < set(rows[0])
