"""Somebody else's records: an intrusion is found, and what others call harmless is no alarm."""

from __future__ import annotations

import gzip
import json

from tests.mapping.shared import DATA, needs_data
from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping import Unmapped, map_line
from workstation.services.timeline.marks.finder import find
from workstation.services.timeline.marks.rulebook import load
from workstation.services.timeline.working.columns import WorkingSet

BOOK = load()
pytestmark = needs_data


def test_the_attack_on_aws_is_found() -> None:
    with gzip.open(DATA / "invictus-cloudtrail.jsonl.gz") as lines:
        events = [event for line in lines if not isinstance(event := map_line("cloudtrail", line), Unmapped)]
    found = find(WorkingSet.of(events).snapshot(), events[-1].time_us, BOOK.rules)
    assert found.failed == ()
    alarms = {finding.rule for finding in found.findings if finding.severity == "high"}
    assert alarms == {"aws_door_of_ones_own", "aws_secrets_read", "aws_trail_stopped"}
    rules = {finding.rule for finding in found.findings}
    assert {"aws_image_or_snapshot_shared", "aws_trust_changed", "aws_key_created", "aws_console_without_mfa",
            "aws_log_narrowed", "aws_blinding_refused", "aws_policy_attached"} <= rules  # fmt: skip
    intruder = {"bert-jan"}
    for finding in found.findings:
        actors = {events[row].actor_name for row in finding.rows}
        assert actors & intruder or any("stratus-red-team" in actor for actor in actors)


def test_what_others_call_harmless_is_no_alarm() -> None:
    sources = {
        "AWS.CloudTrail": "cloudtrail",
        "Okta.SystemLog": "okta",
        "Auth0.Events": "auth0",
        "Azure.Audit": "entra",
    }
    alarms, seen = [], 0
    for line in (DATA / "panther-identity-tests.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["rule_should_match"] or record["log_type"] not in sources:
            continue
        event = map_line(sources[record["log_type"]], json.dumps(record["log"]).encode())
        if isinstance(event, Event):
            seen += 1
            findings = find(WorkingSet.of([event]).snapshot(), event.time_us, BOOK.rules).findings
            alarms += [(record["name"], f.rule) for f in findings if f.severity == "high"]
    assert seen > 300 and alarms == []
