"""The strangers' histories (bench/strangers): the same every time, whole, and what the rules say of them."""

from __future__ import annotations

import pytest

from bench.strangers import INNOCENTS, PENS, TAKEOVERS, history
from bench.strangers.measure import DEVELOPED, HELD, histories, measured, rows
from bench.strangers.takeovers import help_desk
from workstation.services.timeline.marks.rulebook import load


def test_a_seed_tells_the_same_history_to_the_byte_and_another_one_another() -> None:
    assert history(help_desk, "okta", 3) == history(help_desk, "okta", 3)
    assert history(help_desk, "okta", 3).lines != history(help_desk, "okta", 4).lines


def test_all_that_is_written_can_be_imported_once() -> None:
    bad = {tell.__name__ for tell in TAKEOVERS}
    for stranger in histories([1]):
        events = stranger.events()
        assert len({event.id for event in events}) == len(events) > 0, stranger.story
        assert bool(stranger.intruders) is (stranger.story in bad), stranger.story


def test_there_is_enough_of_every_kind() -> None:
    assert len(TAKEOVERS) >= 8 and len(INNOCENTS) >= 12
    assert {source for stories in (TAKEOVERS, INNOCENTS) for told in stories.values() for source in told} == set(PENS)
    assert not set(DEVELOPED) & set(HELD)


@pytest.mark.long
def test_half_of_the_takeovers_are_alarms_and_hardly_an_innocent_is() -> None:
    some = measured([DEVELOPED[0], DEVELOPED[1]], load())
    found, accused = (row["value"] for row in rows(some)[:2])
    assert found >= 50 and accused <= 1
    assert rows(some)[2]["value"] >= 90
