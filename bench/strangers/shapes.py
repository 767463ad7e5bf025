"""OCSF and ECS: one history in two shapes that belong to no vendor, by programs that an exchange could have written."""

from __future__ import annotations

from bench.strangers.lives import Step
from bench.strangers.said import Pen, Record, stamp, uuid

_OCSF = {
    "sign_in": (3002, 1),
    "refused": (3002, 1),
    "push_denied": (3002, 1),
    "push_lost": (3002, 1),
    "sign_out": (3002, 2),
    "password_changed": (3001, 3),
    "reset": (3001, 4),
    "staff_reset_password": (3001, 4),
    "factor_added": (3001, 10),
    "factor_removed": (3001, 11),
    "staff_reset_factors": (3001, 11),
    "staff_removes_factor": (3001, 11),
    "locked": (3001, 9),
    "use": (6003, 2),
    "key_made": (6003, 1),
    "payee": (6003, 1),
    "money": (6003, 1),
    "email_changed": (6003, 3),
    "phone_changed": (6003, 3),
    "reset_asked": (6003, 1),
}
_DETAILS = {"refused": "LOGON_USER_FAILED", "push_denied": "MFA_DENIED", "push_lost": "MFA_TIMEOUT"}
_NAMES = {3001: "Account Change", 3002: "Authentication", 6003: "API Activity"}
_OPERATIONS = {
    "use": "GetPortfolio",
    "key_made": "CreateApiKey",
    "payee": "AddWithdrawalAddress",
    "money": "CreateWithdrawal",
    "email_changed": "UpdateEmail",
    "phone_changed": "UpdatePhone",
    "reset_asked": "RequestPasswordReset",
}


class Ocsf(Pen):
    """OCSF 1.3: classes 3001, 3002 and 6003."""

    def write(self, step: Step) -> list[Record]:
        """Return the step as an event of its class."""
        if step.kind not in _OCSF:
            return []
        life, seat = self.life, step.seat
        kind, activity = _OCSF[step.kind]
        failed = step.kind in ("refused", "push_denied", "push_lost")
        user = {"uid": life.user_id, "name": life.login, "email_addr": life.login, "type_id": 1}
        actor = {"uid": self.staff_id, "name": step.by} if step.by else user
        record: Record = {
            "class_uid": kind,
            "class_name": _NAMES[kind],
            "category_uid": kind // 1000,
            "activity_id": activity,
            "type_uid": kind * 100 + activity,
            "time": step.at // 1_000,
            "severity_id": 1,
            "status_id": 2 if failed else 1,
            "metadata": {
                "uid": uuid(self.rng),
                "version": "1.3.0",
                "product": {"name": "accounts", "vendor_name": "Exchange"},
            },
            "actor": {"user": actor},
            "user": user,
        }
        if failed:
            record["status_detail"] = _DETAILS[step.kind]
        if kind == 3002:
            record["is_mfa"] = bool(step.factor)
        if step.session:
            record["session"] = {"uid": step.session}
        if kind == 6003:
            record |= {
                "api": {"operation": _OPERATIONS[step.kind], "service": {"name": "accounts"}},
                "resources": [{"name": step.what}] if step.what else [],
            }
        if seat is not None:
            place = seat.net.place
            record["src_endpoint"] = {
                "ip": seat.ip,
                "location": {"country": place.code, "city": place.city, "lat": place.lat, "long": place.lon},
            }
            record["http_request"] = {"user_agent": seat.user_agent}
            if not self.terse:
                record["src_endpoint"]["autonomous_system"] = {"number": seat.net.asn, "name": seat.net.org}
                record["device"] = {"uid": seat.device, "type_id": 0}
        return [record]


#: How programs name the same things: three habits of people who write `event.action` themselves.
_DIALECTS: tuple[dict[str, str], ...] = (
    {
        "sign_in": "user_login",
        "refused": "user_login",
        "sign_out": "user_logout",
        "push_denied": "mfa_challenge",
        "push_lost": "mfa_challenge",
        "use": "page_view",
        "reset_asked": "password_reset_requested",
        "reset": "password_reset",
        "password_changed": "password_changed",
        "factor_added": "mfa_enrolled",
        "factor_removed": "mfa_removed",
        "staff_reset_factors": "mfa_reset",
        "staff_removes_factor": "mfa_removed",
        "staff_reset_password": "password_reset",
        "email_changed": "email_changed",
        "phone_changed": "phone_changed",
        "consent": "oauth_consent_granted",
        "key_made": "api_key_created",
        "key_removed": "api_key_deleted",
        "payee": "withdrawal_address_added",
        "money": "withdrawal_requested",
        "forwarding": "mail_forwarding_enabled",
        "locked": "account_locked",
    },
    {
        "sign_in": "logged-in",
        "refused": "login-failed",
        "sign_out": "logged-out",
        "push_denied": "mfa-denied",
        "push_lost": "mfa-timeout",
        "use": "request",
        "reset_asked": "forgot-password",
        "reset": "password-reset",
        "password_changed": "password-change",
        "factor_added": "mfa-enabled",
        "factor_removed": "mfa-disabled",
        "staff_reset_factors": "mfa-reset",
        "staff_removes_factor": "mfa-disabled",
        "staff_reset_password": "password-reset",
        "email_changed": "email-change",
        "phone_changed": "phone-change",
        "consent": "app-authorized",
        "key_made": "api-key-create",
        "key_removed": "api-key-delete",
        "payee": "beneficiary-added",
        "money": "withdrawal-created",
        "forwarding": "forwarding-rule-created",
        "locked": "account-lockout",
    },
    {
        "sign_in": "authentication_success",
        "refused": "authentication_failure",
        "sign_out": "session.end",
        "push_denied": "mfa.denied",
        "push_lost": "mfa.timeout",
        "use": "access",
        "reset_asked": "user.password.forgot",
        "reset": "user.password.reset",
        "password_changed": "user.password.change",
        "factor_added": "user.mfa.enroll",
        "factor_removed": "user.mfa.remove",
        "staff_reset_factors": "user.mfa.reset",
        "staff_removes_factor": "user.mfa.remove",
        "staff_reset_password": "user.password.reset",
        "email_changed": "user.email.change",
        "phone_changed": "user.phone.change",
        "consent": "oauth.grant",
        "key_made": "apikey.created",
        "key_removed": "apikey.deleted",
        "payee": "address_book.add",
        "money": "withdrawal.create",
        "forwarding": "mail.forward",
        "locked": "user.locked",
    },
)


class Ecs(Pen):
    """ECS 8, nested."""

    def write(self, step: Step) -> list[Record]:
        """Return the step as a document in the dialect of this history's program."""
        life, seat = self.life, step.seat
        words = _DIALECTS[int(life.user_id, 36) % len(_DIALECTS)]
        if step.kind not in words:
            return []
        failed = step.kind in ("refused", "push_denied", "push_lost")
        signing = step.kind in ("sign_in", "refused", "push_denied", "push_lost", "sign_out")
        own = {"id": life.user_id, "name": life.login}
        record: Record = {
            "@timestamp": stamp(step.at),
            "ecs": {"version": "8.11.0"},
            "event": {
                "id": uuid(self.rng),
                "action": words[step.kind],
                "outcome": "failure" if failed else "success",
                "category": ["authentication"] if signing else ["iam"],
                "kind": "event",
                "dataset": "exchange.accounts",
                "type": ["start"] if signing else ["user", "change"],
            },
            "user": {"id": self.staff_id, "name": step.by, "target": own} if step.by else own,
        }
        if step.what and step.kind != "use":
            record["target"] = {"id": step.what}
        if step.session:
            record["session"] = {"id": step.session}
        if seat is not None:
            place = seat.net.place
            record["source"] = {
                "ip": seat.ip,
                "geo": {
                    "country_iso_code": place.code,
                    "city_name": place.city,
                    "location": {"lat": place.lat, "lon": place.lon},
                },
                "as": {"number": seat.net.asn, "organization": {"name": seat.net.org}},
            }
            record["user_agent"] = {"original": seat.user_agent, "name": seat.agent.browser}
            if not self.terse:
                record["device"] = {"id": seat.device}
        return [record]
