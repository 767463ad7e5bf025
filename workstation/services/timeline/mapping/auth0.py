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
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import address, at, make, micros, of_json, point, text

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
    **dict.fromkeys(("mfar", "gd_send_pn", "gd_send_sms", "gd_send_voice", "gd_send_email"), "sign_in.challenged"),
    **dict.fromkeys(("gd_auth_succeed", "gd_auth_failed", "gd_auth_rejected"), "second_factor.checked"),
    **dict.fromkeys(("gd_recovery_succeed", "gd_recovery_failed"), "recovery_code.used"),
    **dict.fromkeys(("gd_enrollment_complete", "gd_webauthn_enrollment_complete"), "second_factor.added"),
    "gd_update_device_account": "second_factor.changed",
    **dict.fromkeys(("gd_unenroll", "gd_user_delete"), "second_factor.removed"),
    **dict.fromkeys(("sn", "fn"), "notice.sent"),
    **dict.fromkeys(("gd_recovery_rate_limit_exceed", "gd_otp_rate_limit_exceed"), "risk.detected"),
}
#: Codes that follow no letter.
_OUTCOMES = {
    "du": Outcome.SUCCESS,
    "ublkdu": Outcome.SUCCESS,
    # "API GET operation returning secrets completed successfully".
    "mgmt_api_read": Outcome.SUCCESS,
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
_API = ("sapi", "fapi", "mgmt_api_read")
_USER_PATH = re.compile(r"(?:/api)?/v2/users/([^/?]+)/?([^?]*).*")
#: What the Management API did to a user: methods, the path below ``users/ID`` (Auth0: "Management API v2", Users).
_ON_USER = [
    (methods.split(), re.compile(path), word)
    for methods, path, word in (
        ("delete", "multifactor/.*|authenticators|authentication-methods.*", "second_factor.removed"),
        ("post", "authentication-methods", "second_factor.added"),
        ("put patch", "authentication-methods.*", "second_factor.changed"),
        ("post", "recovery-code-regeneration", "recovery_codes.created"),
        ("post", "identities", "identity.linked"),
        ("delete", "identities/.*", "identity.unlinked"),
        ("post", "roles|permissions", "role.granted"),
        ("delete", "roles|permissions", "role.removed"),
        ("delete post", "sessions|refresh-tokens|revoke-access", "session.ended"),
        ("delete", "", "account.removed"),
    )
]
#: A user is changed by a PATCH whose body holds the new values; the first of these speaks.
_WRITTEN = (
    ("password", "password.reset"),
    ("email", "email.changed"),
    ("phone_number", "phone.changed"),
    ("blocked", "account.changed"),
)
#: Adaptive MFA says how sure it is that this is the owner (Auth0: "Adaptive MFA Log Events"): the less, the riskier.
_CONFIDENCE = {"low": "high", "medium": "medium", "high": "low", "neutral": "medium"}

_said = reader(
    own_id=("log_id", "_id"),
    time="date",
    native="type",
    reason=("details.error.message", "description"),
    user="user_id",
    user_name=("user_name", "details.body.email"),
    client="client_id",
    client_name="client_name",
    api_user="details.request.auth.user.user_id",
    api_user_name=("details.request.auth.user.email", "details.request.auth.user.name"),
    api_path="details.request.path",
    api_method="details.request.method",
    ip=("ip", "client_ip"),
    country=("location_info.country_code", "location_info.country_name"),
    city="location_info.city_name",
    latitude="location_info.latitude",
    longitude="location_info.longitude",
    user_agent="user_agent",
    device=("details.device_id", "details.authenticator.id"),
    session=("details.session_id", "session_id"),
    factor=("details.authenticator.type", "details.factor", "connection"),
    target=("details.request.path", "audience", "client_name"),
    risk="security_context.risk",
    confidence="details.riskAssessment.confidence",
)


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of a tenant log. Raises Unmappable."""
    wrapped = record.get("data")
    data = wrapped if isinstance(wrapped, dict) else record
    said = _said(data)
    account, account_name, actor, actor_name = _who(said)
    return make(
        SOURCE,
        raw,
        own_id=said.own_id or text(record, "log_id"),
        time_us=micros(said.time),
        native=said.native,
        words={said.native: _api_word(said, data)} if said.native in _API[:2] else WORDS,
        category="api" if said.native in _API else "",
        outcome=_outcome(said.native),
        reason=said.reason,
        account=account,
        account_name=account_name,
        actor=actor,
        actor_name=actor_name,
        ip=address(said.ip),
        country=country_code(said.country),
        city=said.city,
        location=point(said.latitude, said.longitude),
        user_agent=said.user_agent,
        device=said.device,
        session=said.session,
        factor=said.factor,
        target=said.target,
        risk=said.risk.lower() or _CONFIDENCE.get(said.confidence.lower(), ""),
    )


def _who(said: Any) -> tuple[str, str, str, str]:
    """Return id and name of the account that was acted on, then of who acted."""
    if said.native not in _API:
        return said.user, said.user_name, said.user, said.user_name
    actor = said.api_user or said.user or said.client
    actor_name = said.api_user_name or said.user_name or said.client_name
    match = _USER_PATH.fullmatch(said.api_path)
    if match is None:
        return actor, actor_name, actor, actor_name
    target = unquote(match[1])
    return target, actor_name if target == actor else "", actor, actor_name


def _api_word(said: Any, data: dict[str, Any]) -> str:
    """Return our word for what the Management API did to a user, else the code."""
    match = _USER_PATH.fullmatch(said.api_path)
    if match is None:
        return str(said.native)
    method, below = said.api_method.lower(), match[2].rstrip("/")
    if method == "patch" and not below:
        body = at(data, "details.request.body")
        written = body if isinstance(body, dict) else {}
        return next((word for name, word in _WRITTEN if name in written), "account.changed")
    words = (word for methods, path, word in _ON_USER if method in methods and path.fullmatch(below))
    return next(words, str(said.native))


def _outcome(native: str) -> Outcome:
    if native in _OUTCOMES:
        return _OUTCOMES[native]
    if not _SHORT.fullmatch(native):
        return Outcome.UNKNOWN
    return Outcome.SUCCESS if native[0] == "s" else Outcome.FAILURE


map_raw = of_json(map_record)
