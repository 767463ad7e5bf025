"""Whole stories: which are alarms, which are not, and what exactly is said (golden files).

``WORKSTATION_GOLDEN=write`` writes the golden files anew; read the difference before you keep it.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from tests.marks.given import DAY, START, events, frame
from tests.marks.stories import INNOCENT, STORIES, SUSPECT, TAKEOVERS, Record
from workstation.services.timeline.marks.finder import Found, find
from workstation.services.timeline.marks.rulebook import load
from workstation.services.timeline.working.columns import WorkingSet

GOLDEN = Path(__file__).with_name("golden")
BOOK = load()
NOW = START + 210 * DAY
#: Fields that other logs do not have.
LESS = {
    "devices": ("device.id",),
    "places": ("source.geo.country_iso_code", "source.geo.city_name", "source.geo.location"),
    "operators": ("source.as.number", "source.as.organization.name"),
    "sessions": ("session.id",),
    "all but addresses": ("device.id", "user_agent.original", "source.geo.country_iso_code", "source.geo.city_name",
                          "source.geo.location", "source.as.number", "source.as.organization.name", "session.id"),
}  # fmt: skip


def found(records: list[Record]) -> Found:
    answer = find(frame(records), NOW, BOOK.rules)
    assert answer.failed == ()
    return answer


def without(records: list[Record], fields: tuple[str, ...]) -> list[Record]:
    return [{name: value for name, value in record.items() if name not in fields} for record in records]


@pytest.mark.parametrize("name", TAKEOVERS)
def test_a_takeover_is_an_alarm(name: str) -> None:
    assert found(STORIES[name]()).findings[0].severity == "high"


@pytest.mark.parametrize("name", INNOCENT)
def test_an_innocent_account_is_no_alarm(name: str) -> None:
    assert [f.rule for f in found(STORIES[name]()).findings if f.severity == "high"] == []


@pytest.mark.parametrize("name", SUSPECT)
def test_what_is_only_suspect_is_medium(name: str) -> None:
    assert found(STORIES[name]()).findings[0].severity == "medium"


def test_an_account_of_habits_has_no_mark_at_all() -> None:
    assert found(STORIES["quiet"]()).findings == ()


@pytest.mark.parametrize("less", LESS)
@pytest.mark.parametrize("name", INNOCENT)
def test_innocents_stay_innocent_where_logs_say_less(name: str, less: str) -> None:
    answer = found(without(STORIES[name](), LESS[less]))
    assert [f.rule for f in answer.findings if f.severity == "high"] == []


@pytest.mark.parametrize("less", LESS)
@pytest.mark.parametrize("name", ["phished", "settles_in", "mailbox", "helped"])
def test_takeovers_are_found_where_logs_say_less(name: str, less: str) -> None:
    assert found(without(STORIES[name](), LESS[less])).findings[0].severity == "high"


def test_an_account_without_a_past_has_nothing_new() -> None:
    young = [record for record in STORIES["phished"]() if record["at"].startswith("60d")]
    assert {f.rule for f in found(young).findings} <= {"withdrawal_to_new_address"}


@pytest.mark.parametrize("name", STORIES)
def test_golden(name: str) -> None:
    records = STORIES[name]()
    ids = [event.id for event in events(records)]
    said = [
        {
            "rule": f.rule,
            "severity": f.severity,
            "why": f.why,
            "innocent": f.innocent,
            "facts": [f"{fact.points:+d} {fact.text}" for fact in f.facts],
            "events": [f"{ids[row]} {records[row]['event.action']}" for row in f.rows],
        }
        for f in found(records).findings
    ]
    text = msgspec.json.format(msgspec.json.encode(said), indent=1).decode() + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("WORKSTATION_GOLDEN") == "write":
        path.write_text(text)
    assert path.read_text() == text


def test_rows_are_rows_of_the_frame_that_was_asked() -> None:
    some = events(STORIES["phished"]())
    snapshot = WorkingSet.of(some[::-1]).snapshot()
    for finding in find(snapshot, NOW, BOOK.rules).findings:
        times = [snapshot.peek(row).time_us for row in finding.rows]
        assert times == sorted(times) and times[-1] == finding.at_us
