"""1Password's sign-in attempts, item usages and audit events (1Password: "Events API", versions 1 and 2).

A sign-in attempt's ``category`` says what came of it; it is the native action, for there is no other name.
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import address, make, micros, of_json, point

SOURCE = "1password"
#: Categories of a sign-in attempt.
_OUTCOMES = {
    **dict.fromkeys(("success", "firewall_reported_success"), Outcome.SUCCESS),
    **dict.fromkeys(("credentials_failed", "mfa_failed", "sso_failed"), Outcome.FAILURE),
    **dict.fromkeys(("modern_version_failed", "firewall_failed"), Outcome.FAILURE),
}
#: What is done to an item of a vault → our word.
WORDS = {"reveal": "password.viewed", **dict.fromkeys(_OUTCOMES, "sign_in")}
_said = reader(
    own_id="uuid",
    time="timestamp",
    category="category",
    kind="type",
    action="action",
    on="target_user.uuid",
    on_name=("target_user.email", "target_user.name"),
    user=("user.uuid", "actor_uuid"),
    user_name=("user.email", "user.name", "actor_details.email", "actor_details.name"),
    ip=("client.ip_address", "session.ip"),
    country=("location.country", "country"),
    city="location.city",
    latitude="location.latitude",
    longitude="location.longitude",
    program="client.app_name",
    version="client.app_version",
    system="client.os_name",
    device="session.device_uuid",
    session=("session_uuid", "session.uuid"),
    item="item_uuid",
    target=("item_uuid", "object_uuid", "object_type"),
)


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of a record of any of the three. Raises Unmappable."""
    said = _said(record)
    # Older usages name no action; Events API calls the list that they come from so.
    native = said.category or said.action or ("item usage" if said.item else "")
    # Whoever signs in is the target; the account of an item or an administrator's act is who did it.
    account, name = (said.on, said.on_name) if said.category else (said.user, said.user_name)
    return make(
        SOURCE,
        raw,
        own_id=said.own_id,
        time_us=micros(said.time),
        native=native,
        words=WORDS,
        category="file" if said.item else "iam",
        outcome=_OUTCOMES.get(said.category, Outcome.UNKNOWN),
        reason=said.kind,
        account=account,
        account_name=name,
        actor=account,
        actor_name=name,
        ip=address(said.ip),
        country=country_code(said.country),
        city=said.city,
        location=point(said.latitude, said.longitude),
        user_agent=" ".join(filter(None, (said.program, said.version, said.system))),
        device=said.device,
        session=said.session,
        target=said.target,
    )


map_raw = of_json(map_record)
