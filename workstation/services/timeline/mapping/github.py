"""GitHub's audit and security logs (GitHub: "Audit log events"), of the API, an export or a stream.

GitHub writes what was done, not what came of it: an outcome is said only where the name of the action says one.
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import address, first_of, make, of_json

SOURCE = "github"
WORDS = {
    "user.login": "sign_in",
    "user.failed_login": "sign_in",
    "user.logout": "sign_out",
    "user.two_factor_requested": "sign_in.challenged",
    "user.device_verification_requested": "sign_in.challenged",
    "user.two_factor_challenge_success": "second_factor.checked",
    "user.two_factor_challenge_failure": "second_factor.checked",
    "two_factor_authentication.enabled": "second_factor.added",
    "two_factor_authentication.add_factor": "second_factor.added",
    "two_factor_authentication.disabled": "second_factor.removed",
    "two_factor_authentication.remove_factor": "second_factor.removed",
    "two_factor_authentication.recovery_codes_regenerated": "recovery_codes.created",
    "user.change_password": "password.changed",
    "user.forgot_password": "password.reset_requested",
    "user.reset_password": "password.reset",
    "user.add_email": "email.changed",
    "user.remove_email": "email.changed",
    "public_key.create": "api_key.created",
    "public_key.delete": "api_key.removed",
    "personal_access_token.create": "api_key.created",
    "personal_access_token.destroy": "api_key.removed",
    "oauth_access.create": "token.issued",
    "oauth_access.destroy": "token.revoked",
    "oauth_authorization.create": "consent.granted",
    "oauth_authorization.destroy": "consent.revoked",
    "org.oauth_app_access_approved": "consent.granted",
    "integration_installation.create": "consent.granted",
    "integration_installation.destroy": "consent.revoked",
    "org.add_member": "group.joined",
    "org.remove_member": "group.left",
    "team.add_member": "group.joined",
    "team.remove_member": "group.left",
    "repo.add_member": "role.granted",
    "repo.remove_member": "role.removed",
}
#: What comes before the first dot → ECS category; everything else is how something is set up.
_CATEGORIES = {"user": "iam", "org": "iam", "team": "iam", "business": "iam", "git": "file", "repo": "configuration"}
_FAILED, _DONE = ("_failure", "failed_login", "rejected_ref_update"), ("_success",)
_said = reader(
    own_id="_document_id",
    created="created_at",
    stamp="@timestamp",
    native="action",
    user="user_id",
    user_name="user",
    actor="actor_id",
    actor_name="actor",
    ip="actor_ip",
    country="actor_location.country_code",
    user_agent="user_agent",
    factor="programmatic_access_type",
    target=("repo", "team", "name", "org", "business"),
)


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of an entry of the audit log. Raises Unmappable."""
    said = _said(record)
    # Where another one is named he was acted on; an id beside the actor's name only is the actor's own.
    other = bool(said.user_name) and said.user_name != said.actor_name
    return make(
        SOURCE,
        raw,
        own_id=said.own_id,
        time_us=first_of((said.created, said.stamp)),
        native=said.native,
        words=WORDS,
        category=_CATEGORIES.get(said.native.partition(".")[0], "configuration"),
        outcome=_outcome(said.native),
        account=said.user if other else said.actor or said.user,
        account_name=said.user_name if other else said.actor_name,
        actor=said.actor or ("" if other else said.user),
        actor_name=said.actor_name,
        ip=address(said.ip),
        country=country_code(said.country),
        user_agent=said.user_agent,
        factor=said.factor,
        target=said.target,
    )


def _outcome(native: str) -> Outcome:
    if native.endswith(_FAILED):
        return Outcome.FAILURE
    return Outcome.SUCCESS if native == "user.login" or native.endswith(_DONE) else Outcome.UNKNOWN


map_raw = of_json(map_record)
