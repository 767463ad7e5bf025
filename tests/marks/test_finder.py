"""All rules together: one order, bounds, and a broken rule that stops no other."""

from __future__ import annotations

import random

import msgspec
import pytest

from tests.marks.given import HOUR, START, events, frame
from tests.marks.stories import STORIES
from workstation.services.timeline.marks.coded import CODED
from workstation.services.timeline.marks.finder import EACH, bounded, find, identity, mark_of
from workstation.services.timeline.marks.lens import Lens
from workstation.services.timeline.marks.model import About, Finding, lasting, listed
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.frame import Cancelled, Check

ABOUT = About(id="broken", title="Broken", severity="low", kind="coded", innocent="-")


class Broken:
    about = ABOUT

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        raise ZeroDivisionError("no")


def test_a_broken_rule_is_told_and_stops_no_other() -> None:
    story = frame(STORIES["phished"]())
    found = find(story, START, (Broken(), *CODED))
    assert [(failed.rule, failed.why) for failed in found.failed] == [("broken", "ZeroDivisionError: no")]
    assert any(finding.rule == "newcomer_acts" for finding in found.findings)


def test_the_answer_does_not_hang_on_the_order_in_which_events_came() -> None:
    story = events(STORIES["settles_in"]())
    other = list(story)
    random.Random(3).shuffle(other)
    answers = []
    for some in (story, other):
        found = find(WorkingSet.of(some).snapshot(), START, CODED).findings
        named = [msgspec.structs.replace(f, rows=()) for f in found]
        answers.append((named, [sorted(some[row].id for row in f.rows) for f in found]))
    assert answers[0] == answers[1] and answers[0][0]


def test_of_many_alike_the_newest_stand_and_the_others_are_counted() -> None:
    one = Finding(
        rule="r", title="t", severity="low", why="Why.", innocent="-", rows=(0,), count=1, first_us=0, at_us=0
    )
    many = [msgspec.structs.replace(one, at_us=n * HOUR) for n in range(EACH + 40)]
    kept = bounded(many)
    assert [f.at_us for f in kept] == [f.at_us for f in many[::-1][:EACH]]
    assert kept[-1].more == 40 and kept[-1].why == "Why. And 40 more like it."
    assert bounded(many[:EACH])[-1].more == 0 and bounded(many[:EACH], 5)[-1].more == 5
    assert bounded([], 5) == []


def test_whoever_asked_can_stop_asking() -> None:
    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        find(frame(STORIES["phished"]()), START, CODED, stop)


def test_nothing_is_found_in_nothing() -> None:
    assert find(frame([]), START, CODED).findings == ()


def test_a_finding_has_a_name_that_outlives_a_reload() -> None:
    one = Finding(rule="r", title="t", severity="low", why="-", innocent="-", rows=(0,), count=1, first_us=0, at_us=0)
    assert identity(one, ["a", "b"]) == identity(msgspec.structs.replace(one, rows=(7,)), ["b", "a"])
    assert identity(one, ["a"]) != identity(one, ["b"])


def test_screens_are_given_ids() -> None:
    story = frame(STORIES["phished"]())
    finding = find(story, START, CODED).findings[0]
    mark = mark_of(story, finding)
    assert mark.events == tuple(f"e{row}" for row in finding.rows) and mark.severity == "high"


def test_what_came_from_outside_is_cleaned_in_sentences() -> None:
    records = STORIES["phished"]()
    for record in records:
        if record.get("device.id") == "d-bad":
            record["device.id"] = "\x1b]0;evil\x07"
    why = " ".join(f.why for f in find(frame(records), START, CODED).findings)
    assert "\x1b" not in why and "evil" in why


@pytest.mark.parametrize(
    ("us", "said"),
    [
        (0, "0 seconds"),
        (1_000_000, "1 second"),
        (90_000_000, "90 seconds"),
        (3 * HOUR, "3 hours"),
        (72 * HOUR, "3 days"),
    ],
)
def test_lengths_of_time_in_words(us: int, said: str) -> None:
    assert lasting(us) == said


def test_lists_are_cut() -> None:
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
