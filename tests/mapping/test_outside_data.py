"""Records that nobody here wrote: every one becomes an event with its id, time and actor, or says why not.

What an event must say is taken from the record again here, by the simplest means that could work.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.mapping.shared import DATA, needs_data
from workstation.services.clock import from_micros
from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping import SOURCES, Unmapped, map_line, read_pieces

SOURCE_OF = {
    "AWS.CloudTrail": "cloudtrail",
    "Okta.SystemLog": "okta",
    "Auth0.Events": "auth0",
    "GSuite.ActivityEvent": "google",
    "Duo.Administrator": "duo",
    "Duo.Authentication": "duo",
    "Azure.Audit": "entra",
}

Said = tuple[str | None, str | None, set[str]]


def lowered(value: Any) -> Any:
    """Return JSON with all names in lower case: some stores fold them."""
    if isinstance(value, dict):
        return {key.lower(): lowered(inner) for key, inner in value.items()}
    return [lowered(inner) for inner in value] if isinstance(value, list) else value


def of_cloudtrail(log: Any) -> Said:
    who = log.get("useridentity") or {}
    names = {who.get(key) for key in ("principalid", "arn", "username", "accountid", "invokedby", "identityprovider")}
    return log.get("eventid"), log.get("eventtime"), names


def of_okta(log: Any) -> Said:
    who = log.get("actor") or {}
    return log.get("uuid"), log.get("published"), {who.get("id"), who.get("alternateid"), who.get("displayname")}


def of_auth0(log: Any) -> Said:
    data = log["data"]
    by = (((data.get("details") or {}).get("request") or {}).get("auth") or {}).get("user") or {}
    # An application is who acted only where it called the Management API; in a sign-in it is what was entered.
    program = data.get("client_id") if data["type"] == "sapi" else None
    who = {data.get("user_id"), data.get("user_name"), by.get("user_id"), by.get("email"), program}
    return data.get("log_id"), data.get("date"), who


def of_google(log: Any) -> Said:
    who = log.get("actor") or {}
    return log["id"].get("uniquequalifier"), log["id"].get("time"), {who.get("email"), who.get("profileid")}


def of_duo(log: Any) -> Said:
    return log.get("txid"), log.get("isotimestamp"), {log.get("username") or log["user"]["name"]}


def of_entra(log: Any) -> Said:
    inner = log["properties"]
    by = inner.get("initiatedby") or {}
    user, app = by.get("user") or {}, by.get("app") or {}
    who = {inner.get(key) for key in ("userid", "userprincipalname", "serviceprincipalid", "serviceprincipalname")}
    who |= {user.get("id"), user.get("userprincipalname"), app.get("displayname"), app.get("serviceprincipalid")}
    time = inner.get("createddatetime") or inner.get("activitydatetime") or log.get("time")
    return inner.get("id") or log.get("id"), time, who | {log.get("identity")}


SAYS: dict[str, Callable[[Any], Said]] = {
    "cloudtrail": of_cloudtrail,
    "okta": of_okta,
    "auth0": of_auth0,
    "google": of_google,
    "duo": of_duo,
    "entra": of_entra,
}


def instant(written: str) -> datetime | None:
    """Read the times of these files, which have up to nine decimals; none of them has an offset."""
    whole, _, decimals = written.replace("T", " ").rstrip("Z").partition(".")
    try:
        at = datetime.strptime(whole, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return at.replace(microsecond=int((decimals + "000000")[:6]))


def panther() -> Iterator[tuple[str, bytes]]:
    with (DATA / "panther-identity-tests.jsonl").open() as lines:
        for line in lines:
            row = json.loads(line)
            if row["log_type"] in SOURCE_OF:
                yield SOURCE_OF[row["log_type"]], json.dumps(row["log"]).encode()


def check(source: str, raw: bytes, mapped: Event | Unmapped) -> bool:
    """Hold what became of a record against the record; return whether it became an event."""
    identifier, time, who = SAYS[source](lowered(json.loads(raw)))
    at = instant(time) if time else None
    assert mapped.raw == raw
    if at is None:
        assert isinstance(mapped, Unmapped), raw
        assert "time" in mapped.error
        return False
    assert isinstance(mapped, Event), (mapped, raw)
    assert from_micros(mapped.time_us) == at
    if identifier:
        assert mapped.id == identifier
    else:
        assert mapped.id == f"sha256:{mapped.sha256}"
    named = {str(name) for name in who if name}
    assert not named or {mapped.actor, mapped.actor_name} & named, (mapped.actor, mapped.actor_name, named)
    assert named or not mapped.actor
    return True


@needs_data
def test_every_event_of_a_real_intrusion_is_kept() -> None:
    with (DATA / "invictus-cloudtrail.jsonl.gz").open("rb") as stream:
        raws = [raw for piece in read_pieces(stream) for raw in piece]
    assert raws == gzip.decompress((DATA / "invictus-cloudtrail.jsonl.gz").read_bytes()).splitlines()
    assert len(raws) == 2_900
    assert all(check("cloudtrail", raw, map_line("cloudtrail", raw)) for raw in raws)


@needs_data
def test_no_action_of_the_intrusion_is_dropped_or_renamed_without_a_trace() -> None:
    with (DATA / "invictus-cloudtrail.jsonl.gz").open("rb") as stream:
        for raw in (raw for piece in read_pieces(stream) for raw in piece):
            event = map_line("cloudtrail", raw)
            assert isinstance(event, Event)
            record = json.loads(raw)
            assert event.native_action == record["eventName"]
            failed = "errorCode" in record or "errorMessage" in record
            assert (event.outcome is Outcome.FAILURE) == (
                failed or (record.get("responseElements") or {}).get(record["eventName"]) == "Failure"
            )


@needs_data
@pytest.mark.parametrize("source", sorted(SAYS))
def test_records_of_other_peoples_rules_are_kept(source: str) -> None:
    mine = [raw for name, raw in panther() if name == source]
    kept = [check(source, raw, map_line(source, raw)) for raw in mine]
    # Some of these samples are cut down so far that no time is left; most are not.
    assert sum(kept) > len(kept) // 2


@needs_data
def test_no_mapper_crashes_on_a_record_of_another_source() -> None:
    records = [raw for _, raw in panther()][::7]
    for source in SOURCES:
        for raw in records:
            assert map_line(source, raw).raw == raw
