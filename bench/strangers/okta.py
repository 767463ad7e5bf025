"""Okta System Log (Okta: "System Log API", "Event Types"), as the API answers it."""

from __future__ import annotations

from bench.strangers.lives import Step
from bench.strangers.said import SECOND, Pen, Record, stamp, uuid

_FACTORS = {"push": "OKTA_VERIFY_PUSH", "totp": "GOOGLE_OTP", "sms": "SMS_FACTOR", "webauthn": "FIDO_WEBAUTHN"}


class Okta(Pen):
    """Devices are cookies' hashes and missing on phones' first visits; risk is a text; staff come from an office."""

    def _record(
        self,
        step: Step,
        native: str,
        result: str = "SUCCESS",
        reason: str | None = None,
        *,
        later: int = 0,
        debug: dict[str, str] | None = None,
        targets: list[Record] | None = None,
    ) -> Record:
        life, seat = self.life, step.seat
        record: Record = {
            "actor": self._user()
            if not step.by
            else {"id": self.staff_id, "type": "User", "alternateId": step.by, "displayName": "Help Desk"},
            "client": {
                "userAgent": None,
                "zone": "null",
                "device": None,
                "id": None,
                "ipAddress": None,
                "geographicalContext": None,
            },
            "device": None,
            "authenticationContext": {
                "authenticationProvider": None,
                "credentialType": None,
                "interface": None,
                "authenticationStep": 0,
                "externalSessionId": step.session or "unknown",
            },
            "displayMessage": native,
            "eventType": native,
            "outcome": {"result": result, "reason": reason},
            "published": stamp(step.at + later),
            "securityContext": {"asNumber": None, "asOrg": None, "isp": None, "domain": None, "isProxy": None},
            "severity": "INFO",
            "debugContext": {"debugData": {"requestId": uuid(self.rng), **(debug or {})}},
            "legacyEventType": "core." + native,
            "transaction": {"type": "WEB", "id": uuid(self.rng), "detail": {}},
            "uuid": uuid(self.rng),
            "version": "0",
            "request": {"ipChain": []},
            "target": targets if targets is not None else ([self._user()] if step.by else None),
        }
        if seat is not None:
            place = seat.net.place
            record["client"] |= {
                "userAgent": {
                    "rawUserAgent": seat.user_agent,
                    "os": seat.agent.os,
                    "browser": seat.agent.browser.upper(),
                },
                "ipAddress": seat.ip,
                "device": "Mobile" if seat.agent.os in ("iOS", "Android") else "Computer",
                "geographicalContext": {
                    "city": place.city,
                    "country": place.country,
                    "postalCode": None,
                    "state": None,
                    "geolocation": {"lat": place.lat, "lon": place.lon},
                },
            }
            record["securityContext"] |= {
                "asNumber": seat.net.asn,
                "asOrg": seat.net.org.lower(),
                "isp": seat.net.org.lower(),
                "isProxy": seat.net.kind == "hosting" and seat.net.asn == 14061,
            }
            if not self.terse:
                record["debugContext"]["debugData"]["dtHash"] = seat.device * 2
        elif step.by:
            record["client"] |= {
                "ipAddress": "198.51.100.20",
                "geographicalContext": {"country": life.home.place.country},
            }
        return record

    def _user(self) -> Record:
        return {
            "id": "00u" + self.life.user_id[:17],
            "type": "User",
            "alternateId": self.life.login,
            "displayName": self.life.login.partition("@")[0],
            "detailEntry": None,
        }

    def sign_in(self, step: Step) -> list[Record]:
        """A policy asks, the session starts, the factor answers."""
        risk = (
            self.rng.choice(("LOW", "LOW", "MEDIUM"))
            if not step.hostile
            else self.rng.choice(("LOW", "MEDIUM", "HIGH"))
        )
        debug = {} if self.terse else {"risk": "{level=" + risk + "}", "behaviors": "{New IP=POSITIVE}"}
        records = [
            self._record(step, "policy.evaluate_sign_on", "CHALLENGE" if step.factor else "ALLOW", debug=debug),
            self._record(step, "user.session.start", debug=debug, later=SECOND),
        ]
        if step.factor:
            if step.factor == "push":
                records.append(self._record(step, "system.push.send_factor_verify_push", later=2 * SECOND))
            records.append(
                self._record(
                    step, "user.authentication.auth_via_mfa", later=9 * SECOND, debug={"factor": _FACTORS[step.factor]}
                )
            )
        return records

    def refused(self, step: Step) -> list[Record]:
        """A wrong password begins no session."""
        return [self._record(step._replace(session=""), "user.session.start", "FAILURE", "INVALID_CREDENTIALS")]

    def push_denied(self, step: Step) -> list[Record]:
        """The push goes out, and is refused or runs out."""
        sent = self._record(step, "system.push.send_factor_verify_push")
        if self.rng.random() < 0.5:
            return [sent, self._record(step, "user.mfa.okta_verify.deny_push", "FAILURE", later=15 * SECOND)]
        return [
            sent,
            self._record(
                step,
                "user.authentication.auth_via_mfa",
                "FAILURE",
                "INVALID_CREDENTIALS",
                later=40 * SECOND,
                debug={"factor": "OKTA_VERIFY_PUSH"},
            ),
        ]

    def push_lost(self, step: Step) -> list[Record]:
        """The push goes out and nobody answers."""
        sent = self._record(step, "system.push.send_factor_verify_push")
        lost = self._record(
            step, "user.authentication.auth_via_mfa", "FAILURE", "INVALID_CREDENTIALS", later=40 * SECOND
        )
        lost["debugContext"]["debugData"]["factor"] = "OKTA_VERIFY_PUSH"
        return [sent, lost]

    def use(self, step: Step) -> list[Record]:
        """An application is opened by single sign-on."""
        app = {
            "id": "0oa" + step.what.lower().replace(" ", "")[:9],
            "type": "AppInstance",
            "alternateId": step.what,
            "displayName": step.what,
        }
        return [self._record(step, "user.authentication.sso", targets=[app])]

    def sign_out(self, step: Step) -> list[Record]:
        """The session ends."""
        return [self._record(step, "user.session.end")]

    def reset_asked(self, step: Step) -> list[Record]:
        """A link by mail, or a code by SMS; the client is who asked."""
        native = (
            "system.sms.send_password_reset_message"
            if step.factor == "sms"
            else "system.email.password_reset.sent_message"
        )
        return [self._record(step, native, targets=[self._user()])]

    def reset(self, step: Step) -> list[Record]:
        """The link was followed: a reset, and a new password."""
        return [
            self._record(step, "user.account.reset_password", targets=[self._user()]),
            self._record(step, "user.account.update_password", later=20 * SECOND, targets=[self._user()]),
        ]

    def password_changed(self, step: Step) -> list[Record]:
        """In the settings."""
        return [self._record(step, "user.account.update_password", targets=[self._user()])]

    def factor_added(self, step: Step) -> list[Record]:
        """Enrolment says which factor in the reason."""
        factor = _FACTORS[step.factor or "push"]
        return [
            self._record(
                step, "user.mfa.factor.activate", reason=f"User set up {factor} factor", targets=[self._user()]
            )
        ]

    def factor_removed(self, step: Step) -> list[Record]:
        """The same for a removal."""
        factor = _FACTORS[step.factor or "push"]
        return [
            self._record(
                step, "user.mfa.factor.deactivate", reason=f"User reset {factor} factor", targets=[self._user()]
            )
        ]

    def staff_reset_factors(self, step: Step) -> list[Record]:
        """All of them at once."""
        return [self._record(step, "user.mfa.factor.reset_all")]

    def staff_removes_factor(self, step: Step) -> list[Record]:
        """One of them."""
        return [self._record(step, "user.mfa.factor.deactivate", reason="User reset SMS_FACTOR factor")]

    def staff_reset_password(self, step: Step) -> list[Record]:
        """A temporary password, expired at once."""
        return [self._record(step, self.rng.choice(("user.account.reset_password", "user.account.expire_password")))]

    def email_changed(self, step: Step) -> list[Record]:
        """Okta writes the primary address by its own type, or as a profile."""
        return [self._record(step, "user.account.update_primary_email", targets=[self._user()])]

    def phone_changed(self, step: Step) -> list[Record]:
        """A number is a part of the profile."""
        return [
            self._record(
                step, "user.account.update_profile", targets=[self._user()], debug={"changedAttributes": "mobilePhone"}
            )
        ]

    def key_made(self, step: Step) -> list[Record]:
        """A token of the API."""
        return [
            self._record(
                step,
                "system.api_token.create",
                targets=[{"id": uuid(self.rng), "type": "Token", "displayName": step.what or "sync"}],
            )
        ]

    def key_removed(self, step: Step) -> list[Record]:
        """And its end."""
        return [
            self._record(step, "system.api_token.revoke", targets=[{"id": "t", "type": "Token", "displayName": "old"}])
        ]

    def consent(self, step: Step) -> list[Record]:
        """An application is given scopes."""
        return [
            self._record(
                step,
                "app.oauth2.as.consent.grant",
                targets=[{"id": "0oaX", "type": "PublicClientApp", "displayName": step.what or "Calendar"}],
            )
        ]

    def locked(self, step: Step) -> list[Record]:
        """Too many wrong passwords."""
        return [self._record(step, "user.account.lock", reason="LOCKED_OUT")]
