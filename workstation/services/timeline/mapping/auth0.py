"""Auth0 tenant logs (Auth0: "Log Event Type Codes"), as the API or a log stream (``{"log_id", "data"}``) writes them.

Short codes begin with ``s`` for success and ``f`` for failure. Ids are empty texts where nobody was recognised. What
was done through the Management API (``sapi``) says who acted in ``details.request.auth`` and on whom in the path.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.records import address, first_time, make, of_json, text

SOURCE = "auth0"
WORDS = {
    **dict.fromkeys(("s", "f", "fp", "fu", "fc", "fco", "scoa", "fcoa", "ssa", "fsa", "sens", "fens"), "sign_in"),
    **dict.fromkeys(("slo", "flo"), "sign_out"),
    **dict.fromkeys(("ss", "fs", "signup_pwd_leak"), "account.created"),
    **dict.fromkeys(("sdu", "fdu", "du"), "account.removed"),
    **dict.fromkeys(("scp", "fcp"), "password.changed"),
    **dict.fromkeys(("scpr", "fcpr"), "password.reset_requested"),
    **dict.fromkeys(("sce", "fce"), "email.changed"),
    **dict.fromkeys(("scpn", "fcpn"), "phone.changed"),
    **dict.fromkeys(("sv", "fv"), "email.verified"),
    **dict.fromkeys(("scu", "fcu"), "profile.changed"),
    **dict.fromkeys(("seacft", "feacft", "seccft", "feccft", "sepft", "fepft", "seoobft", "feoobft"), "token.issued"),
    **dict.fromkeys(("sertft", "fertft", "ferrt"), "token.refreshed"),
    **dict.fromkeys(("srrt", "frrt"), "token.revoked"),
    **dict.fromkeys(("limit_wc", "limit_mu", "limit_sul"), "account.locked"),
    "ublkdu": "account.unlocked",
    **dict.fromkeys(("pwd_leak", "reset_pwd_leak"), "leaked_password.used"),
    "mfar": "sign_in.challenged",
    **dict.fromkeys(("gd_auth_succeed", "gd_auth_failed", "gd_auth_rejected"), "second_factor.checked"),
    **dict.fromkeys(("gd_recovery_succeed", "gd_recovery_failed"), "recovery_code.used"),
    **dict.fromkeys(("gd_enrollment_complete", "gd_webauthn_enrollment_complete"), "second_factor.added"),
    "gd_update_device_account": "second_factor.changed",
    **dict.fromkeys(("gd_unenroll", "gd_user_delete"), "second_factor.removed"),
    **dict.fromkeys(("gd_recovery_rate_limit_exceed", "gd_otp_rate_limit_exceed"), "risk.detected"),
}
#: Codes that follow no letter.
_OUTCOMES = {
    "du": Outcome.SUCCESS,
    "ublkdu": Outcome.SUCCESS,
    "limit_wc": Outcome.SUCCESS,
    "limit_mu": Outcome.SUCCESS,
    "limit_sul": Outcome.SUCCESS,
    "pwd_leak": Outcome.FAILURE,
    "signup_pwd_leak": Outcome.FAILURE,
    "reset_pwd_leak": Outcome.FAILURE,
    "gd_auth_succeed": Outcome.SUCCESS,
    "gd_auth_failed": Outcome.FAILURE,
    "gd_auth_rejected": Outcome.FAILURE,
    "gd_recovery_succeed": Outcome.SUCCESS,
    "gd_recovery_failed": Outcome.FAILURE,
    "gd_recovery_rate_limit_exceed": Outcome.FAILURE,
    "gd_otp_rate_limit_exceed": Outcome.FAILURE,
    "gd_enrollment_complete": Outcome.SUCCESS,
    "gd_webauthn_enrollment_complete": Outcome.SUCCESS,
    "gd_update_device_account": Outcome.SUCCESS,
    "gd_unenroll": Outcome.SUCCESS,
    "gd_user_delete": Outcome.SUCCESS,
}
_SHORT = re.compile(r"[sf][a-z]{0,7}")
_USER_PATH = re.compile(r"(?:/api)?/v2/users/([^/?]+).*")


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of a tenant log. Raises Unmappable."""
    wrapped = record.get("data")
    data = wrapped if isinstance(wrapped, dict) else record
    native = text(data, "type")
    account, account_name, actor, actor_name = _who(data, native)
    return make(
        SOURCE,
        raw,
        own_id=text(data, "log_id", "_id") or text(record, "log_id"),
        time_us=first_time(data, "date"),
        native=native,
        words=WORDS,
        category="api" if native in ("sapi", "fapi", "mgmt_api_read") else "",
        outcome=_outcome(native),
        reason=text(data, "details.error.message", "description"),
        account=account,
        account_name=account_name,
        actor=actor,
        actor_name=actor_name,
        ip=address(text(data, "ip", "client_ip")),
        country=country_code(text(data, "location_info.country_code", "location_info.country_name")),
        city=text(data, "location_info.city_name"),
        user_agent=text(data, "user_agent"),
        device=text(data, "details.device_id", "details.authenticator.id"),
        session=text(data, "details.session_id", "session_id"),
        factor=text(data, "details.authenticator.type", "details.factor", "connection"),
        target=text(data, "details.request.path", "audience", "client_name"),
        risk=text(data, "security_context.risk", "details.riskAssessment.confidence").lower(),
    )


def _who(data: dict[str, Any], native: str) -> tuple[str, str, str, str]:
    """Return id and name of the account that was acted on, then of who acted."""
    account, name = text(data, "user_id"), text(data, "user_name", "details.body.email")
    if native not in ("sapi", "fapi", "mgmt_api_read"):
        return account, name, account, name
    user = "details.request.auth.user"
    actor = text(data, f"{user}.user_id") or account or text(data, "client_id")
    actor_name = text(data, f"{user}.email", f"{user}.name") or name or text(data, "client_name")
    match = _USER_PATH.fullmatch(text(data, "details.request.path"))
    if match is None:
        return actor, actor_name, actor, actor_name
    target = unquote(match[1])
    return target, actor_name if target == actor else "", actor, actor_name


def _outcome(native: str) -> Outcome:
    if native in _OUTCOMES:
        return _OUTCOMES[native]
    if not _SHORT.fullmatch(native):
        return Outcome.UNKNOWN
    return Outcome.SUCCESS if native[0] == "s" else Outcome.FAILURE


map_raw = of_json(map_record)
