"""Our mappers held against what others expect of the same records: ``python -m tests.mapping.outside [SOURCE FIELD]``.

The pipeline tests of `elastic/integrations` (licence Elastic-2.0, so not part of this repository) keep raw records
beside the ECS documents that are expected of them. ``WORKSTATION_OUTSIDE_ELASTIC`` names a checkout's ``packages``
directory, or it lies beside this repository as ``shared/data/elastic-integrations/packages``. Every record is mapped
here and every field compared; a source and a field print the records in which the two differ.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.mapping.shared import DATA
from workstation.services.clock import parse_instant, to_micros
from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping import Unmapped, map_line
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.records import at, place, plain

PACKAGES = Path(os.environ.get("WORKSTATION_OUTSIDE_ELASTIC") or DATA / "elastic-integrations" / "packages")
#: Why nothing can be measured here, empty where it can.
ABSENT = (
    ""
    if (PACKAGES / "okta").is_dir()
    else "elastic/integrations' pipeline tests are not here (WORKSTATION_OUTSIDE_ELASTIC names its packages directory)"
)

#: Our source → data streams whose records it reads.
STREAMS: dict[str, tuple[str, ...]] = {
    "okta": ("okta/system",),
    "auth0": ("auth0/logs",),
    "keycloak": ("keycloak/log",),
    "entra": ("azure/signinlogs", "azure/auditlogs", "azure/identity_protection"),
    "google": tuple(
        f"google_workspace/{stream}"
        for stream in (
            *("admin", "context_aware_access", "device", "drive", "gcp", "group_enterprise", "groups", "login"),
            *("rules", "saml", "token", "user_accounts", "access_transparency"),
        )
    ),
    "duo": ("cisco_duo/auth", "cisco_duo/admin", "cisco_duo/offline_enrollment", "cisco_duo/telephony"),
    "o365": ("o365/audit",),
    "cloudtrail": ("aws/cloudtrail",),
    "jumpcloud": ("jumpcloud/events",),
    "ping": ("ping_one/audit",),
    "github": ("github/audit",),
    "slack": ("slack/audit",),
    "1password": ("1password/signin_attempts", "1password/item_usages", "1password/audit_events"),
}
#: Field of the account → that of the actor.
_OWN: dict[str, Callable[[Event], str]] = {
    "user.target.id": lambda event: event.actor,
    "user.target.name": lambda event: event.actor_name,
}
AGREE, OURS_EMPTY, THEIRS_EMPTY, DIFFER = "agree", "ours empty", "theirs empty", "differ"
KINDS = (AGREE, OURS_EMPTY, THEIRS_EMPTY, DIFFER)


class Pair(NamedTuple):
    """A raw record and the document that is expected of it; None where they drop it."""

    raw: bytes
    expected: dict[str, Any] | None


class Found(NamedTuple):
    """One field of one record: what we say, what they say, and how the two stand to each other."""

    field: str
    ours: str
    theirs: str
    kind: str


def pairs(source: str) -> Iterator[Pair]:
    """Yield the records of a source."""
    for stream in STREAMS[source]:
        package, name = stream.split("/")
        directory = PACKAGES / package / "data_stream" / name / "_dev" / "test" / "pipeline"
        for file in sorted(directory.glob("*-expected.json")):
            expected = json.loads(file.read_text())["expected"] or []
            raws = list(_raws(file.with_name(file.name.removesuffix("-expected.json"))))
            assert len(raws) == len(expected), file
            yield from map(Pair, raws, expected)


def _raws(file: Path) -> Iterator[bytes]:
    if file.suffix != ".json":
        yield from (line.encode() for line in file.read_text().splitlines() if line.strip())
        return
    for event in json.loads(file.read_text())["events"]:
        inner = next(event[key] for key in ("json", "o365audit", "message") if key in event)
        yield inner.encode() if isinstance(inner, str) else json.dumps(inner).encode()


def _all(document: dict[str, Any], *paths: str) -> list[str]:
    """Return every value that stands at one of `paths`, lists taken apart."""
    found: list[str] = []
    for path in paths:
        value = at(document, path)
        found += [plain(item) for item in value] if isinstance(value, list) else [plain(value)]
    return [value for value in found if value]


def _users(document: dict[str, Any], at_path: str) -> list[str]:
    """Return every way in which a user is called: user name, e-mail address, user name with domain, full name."""
    keys = ("name", "email", "full_name")
    found = _all(document, *(f"{at_path}.{key}" for key in keys))
    name, domain = plain(at(document, f"{at_path}.name")), plain(at(document, f"{at_path}.domain"))
    return [*found, f"{name}@{domain}"] if name and domain else found


def _person(key: str) -> Callable[[dict[str, Any]], list[str]]:
    roots = ("user", "source.user", "client.user")
    if key == "id":
        return lambda document: _all(document, *(f"{root}.id" for root in roots))
    # Elastic cuts sign-in names at the @; the whole one stands in Okta's own fields.
    return lambda document: [
        *(name for root in roots for name in _users(document, root)),
        *_all(document, "okta.actor.alternate_id"),
    ]


def _targets(document: dict[str, Any]) -> list[str]:
    users = [item for item in at(document, "okta.target") or [] if item.get("type") == "User"]
    return [*_users(document, "user.target"), *(plain(user.get("alternate_id")) for user in users)]


def _of(*paths: str) -> Callable[[dict[str, Any]], list[str]]:
    return lambda document: _all(document, *paths)


def _geo(document: dict[str, Any]) -> dict[str, Any]:
    """Return where the record itself puts the address; ``source.geo`` is the pipeline's own test database."""
    # Okta's client.geo is the record's own place, JumpCloud's is the pipeline's again.
    paths = ("client.geo", *_PLACES) if "okta" in document else _PLACES
    found = (at(document, path) for path in paths)
    return next((place for place in found if isinstance(place, dict)), {})


_PLACES = (
    "geo",
    "auth0.logs.data.location_info",
    "jumpcloud.event.geoip",
    "cisco_duo.auth.access_device.location",
    "azure.identityprotection.properties.location",
)


def _country(document: dict[str, Any]) -> list[str]:
    found = _all(_geo(document), "country_iso_code", "country_code", "countryOrRegion", "country", "country_name")
    # A country's code, where they have one, is what we say; their name of it may be that of a region.
    return [country_code(name) for name in found]


def _location(document: dict[str, Any]) -> list[str]:
    geo = _geo(document)
    points = (geo.get("location"), geo.get("geoCoordinates"), geo)
    found = (place(one) for one in points if isinstance(one, dict))
    return [one for one in found if one][:1]


_SESSIONS = (
    "okta.authentication_context.external_session_id",
    "auth0.logs.data.details.session_id",
    "auth0.logs.data.session_id",
    "keycloak.session.id",
    "azure.signinlogs.properties.session_id",
    "aws.cloudtrail.user_identity.access_key_id",
)
#: Field → what of ours, what of theirs. Several of theirs are as many right answers.
FIELDS: dict[str, tuple[Callable[[Event], str], Callable[[dict[str, Any]], list[str]]]] = {
    "event.id": (lambda e: "" if e.id.startswith("sha256:") else e.id, _of("event.id", "cisco_duo.auth.txid")),
    "@timestamp": (
        lambda e: str(e.time_us // 1000),
        lambda d: [str(to_micros(parse_instant(d["@timestamp"])) // 1000)],
    ),
    "event.code": (lambda e: e.native_action, _of("event.action", "event.code", "cisco_duo.auth.event_type")),
    "event.category": (lambda e: e.category, _of("event.category")),
    "event.outcome": (lambda e: "" if e.outcome == "unknown" else e.outcome, _of("event.outcome")),
    "user.id": (lambda e: e.actor, _person("id")),
    "user.name": (lambda e: e.actor_name, _person("name")),
    "user.target.id": (lambda e: e.account, _of("user.target.id")),
    "user.target.name": (lambda e: e.account_name, _targets),
    "source.ip": (lambda e: e.ip, _of("source.ip", "client.ip")),
    "geo.country": (lambda e: e.country, _country),
    "geo.city": (lambda e: e.city, lambda d: _all(_geo(d), "city_name", "city")),
    "geo.location": (lambda e: e.location, _location),
    "as": (
        lambda e: e.asn,
        _of("okta.security_context.as.number", "azure.signinlogs.properties.autonomous_system_number"),
    ),
    "user_agent": (lambda e: e.user_agent, _of("user_agent.original")),
    "session": (lambda e: e.session, _of(*_SESSIONS)),
}


def compare(event: Event, expected: dict[str, Any]) -> Iterator[Found]:
    """Yield every field of which one of the two says something."""
    for field, (mine, theirs) in FIELDS.items():
        ours, wanted = mine(event), theirs(expected)
        if field in _OWN and not wanted and ours == _OWN[field](event):
            # Where nobody else is acted on, the account is the actor's own; only we say so twice.
            continue
        if not ours and not wanted:
            continue
        if not wanted or not ours:
            kind = THEIRS_EMPTY if ours else OURS_EMPTY
        else:
            kind = AGREE if _same(field, ours, wanted) else DIFFER
        yield Found(field, ours, " | ".join(wanted), kind)


def _same(field: str, ours: str, wanted: list[str]) -> bool:
    if field == "event.category":
        return bool(set(ours.split(", ")) & set(wanted))
    if field == "geo.location":
        return any([float(x) for x in ours.split(",")] == [float(x) for x in one.split(",")] for one in wanted)
    squeezed = re.sub(r"[\W_]+", "", ours).casefold()
    return any(re.sub(r"[\W_]+", "", one).casefold() == squeezed for one in wanted)


class Measured(NamedTuple):
    """What was found of a source: records, how many they drop, how many we can't map, counts by field and kind."""

    records: int
    dropped: int
    unmapped: int
    counts: Counter[tuple[str, str]]


def measure(source: str) -> Measured:
    """Return the counts of a source."""
    records = dropped = unmapped = 0
    counts: Counter[tuple[str, str]] = Counter()
    for raw, expected in pairs(source):
        records += 1
        mapped = map_line(source, raw, 0)
        dropped += expected is None
        unmapped += isinstance(mapped, Unmapped)
        if expected is not None and isinstance(mapped, Event):
            counts.update((found.field, found.kind) for found in compare(mapped, expected))
    return Measured(records, dropped, unmapped, counts)


def table() -> str:
    """Return the counts of all sources as a Markdown table: agree / ours empty / theirs empty / differ."""
    found = {source: measure(source) for source in STREAMS}
    lines = ["| | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    lines.append("| records | " + " | ".join(str(one.records) for one in found.values()) + " |")
    lines.append("| not mapped | " + " | ".join(str(one.unmapped) for one in found.values()) + " |")
    for field in FIELDS:
        cells = (_cell(field, one.counts) for one in found.values())
        lines.append(f"| `{field}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(field: str, counts: Counter[tuple[str, str]]) -> str:
    numbers = [counts[field, kind] for kind in KINDS]
    return " / ".join(map(str, numbers)) if any(numbers) else "–"


def differences(source: str, field: str) -> Iterator[str]:
    """Yield a line for every record of `source` in which a field is not agreed on."""
    for raw, expected in pairs(source):
        mapped = map_line(source, raw, 0)
        if expected is None or isinstance(mapped, Unmapped):
            continue
        for found in compare(mapped, expected):
            if found.field == field and found.kind != AGREE:
                yield f"{found.kind:12} {mapped.native_action[:40]:40} {found.ours[:70]!r:70} {found.theirs[:110]!r}"


def main() -> int:
    """Print the table, or the differences of a source and a field."""
    if ABSENT:
        print(ABSENT)
        return 1
    if len(sys.argv) == 3:
        for line, times in Counter(differences(sys.argv[1], sys.argv[2])).most_common():
            print(f"{times:4} {line}")
        return 0
    print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
