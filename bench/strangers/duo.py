"""Duo: authentication log (version 2) and administrator log (Duo: "Admin API")."""

from __future__ import annotations

import json

from bench.strangers.lives import Step
from bench.strangers.said import Pen, Record, stamp, uuid

_FACTORS = {
    "push": "duo_push",
    "totp": "duo_mobile_passcode",
    "sms": "sms_passcode",
    "webauthn": "webauthn_credential",
    "": "remembered_device",
}


class Duo(Pen):
    """Sees only the second step: who asks (access device), and the phone that answers; no operator, no session."""

    def _record(self, step: Step, result: str, reason: str, factor: str, kind: str = "authentication") -> Record:
        seat = step.seat
        assert seat is not None
        place = seat.net.place
        access: Record = {
            "ip": seat.ip,
            "browser": seat.agent.browser,
            "browser_version": f"{seat.version}.0",
            "os": seat.agent.os,
            "os_version": "10",
            "hostname": None,
            "is_encryption_enabled": "unknown",
            "location": {"city": place.city, "country": place.country, "state": ""},
        }
        if not self.terse and self.life.ways.office:
            access["epkey"] = "EP" + seat.device[:18].upper()
        return {
            "access_device": access,
            "alias": "",
            "email": self.life.login,
            "event_type": kind,
            "factor": factor,
            "application": {"key": "DI", "name": step.what or "Okta"},
            "isotimestamp": stamp(step.at, 6).replace("Z", "+00:00"),
            "auth_device": {
                "ip": None,
                "key": "DP" + self.life.phone[1][:18].upper(),
                "name": "phone",
                "location": {
                    "city": place.city if not step.hostile else self.life.home.place.city,
                    "country": self.life.home.place.country,
                    "state": "",
                },
            },
            "reason": reason,
            "result": result,
            "timestamp": step.at // 1_000_000,
            "trusted_endpoint_status": "unknown",
            "txid": uuid(self.rng),
            "user": {"groups": [], "key": "DU" + self.life.user_id[:18].upper(), "name": self.life.login},
        }

    def sign_in(self, step: Step) -> list[Record]:
        """The push is accepted, or the device is remembered."""
        factor = _FACTORS[step.factor]
        if not step.factor and step.hostile:
            factor = "bypass_code"
        return [
            self._record(
                step, "success", "remembered_device" if factor == "remembered_device" else "user_approved", factor
            )
        ]

    def push_denied(self, step: Step) -> list[Record]:
        """Not answered, refused, or called a fraud."""
        result, reason = self.rng.choice(
            (
                ("denied", "no_response"),
                ("denied", "user_cancelled"),
                ("fraud", "user_marked_fraud"),
                ("denied", "user_mistake"),
            )
        )
        return [self._record(step, result, reason, "duo_push")]

    def push_lost(self, step: Step) -> list[Record]:
        """Not answered."""
        return [self._record(step, "denied", "no_response", "duo_push")]

    def use(self, step: Step) -> list[Record]:
        """Another application asks and remembers."""
        if self.rng.random() < 0.6:
            return []
        return [self._record(step, "success", "remembered_device", "remembered_device")]

    def factor_added(self, step: Step) -> list[Record]:
        """Enrolled by oneself."""
        return [self._record(step, "success", "valid_passcode", "duo_push", "enrollment")]

    def _administrator(self, step: Step, action: str, **said: object) -> Record:
        return {
            "action": action,
            "description": json.dumps(said),
            "isotimestamp": stamp(step.at, 0).replace("Z", "+00:00"),
            "object": self.life.login,
            "timestamp": step.at // 1_000_000,
            "username": "Help Desk",
        }

    def staff_reset_factors(self, step: Step) -> list[Record]:
        """A bypass code, or the phone is taken off."""
        if self.rng.random() < 0.5:
            return [self._administrator(step, "bypass_create", count=1, valid_secs=3600, auto_generated=True)]
        return [self._administrator(step, "phone_disassociate", phone="+15550100")]

    staff_removes_factor = staff_reset_factors
