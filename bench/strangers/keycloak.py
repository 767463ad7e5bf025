"""Keycloak's user events and admin events, as the admin API answers them."""

from __future__ import annotations

from bench.strangers.lives import Step
from bench.strangers.said import SECOND, Pen, Record, uuid


class Keycloak(Pen):
    """An address, a session, and neither place nor program; newer servers say what kind of credential it was."""

    def _record(self, step: Step, kind: str, *, later: int = 0, error: str = "", **details: str) -> Record:
        record: Record = {
            "id": uuid(self.rng),
            "time": (step.at + later) // 1_000,
            "type": kind,
            "realmId": "exchange",
            "clientId": "account-console" if "UPDATE" in kind or "REMOVE" in kind else "exchange-web",
            "userId": self.life.user_id,
            "ipAddress": step.seat.ip if step.seat else "",
            "details": {
                "username": self.life.login,
                "auth_method": "openid-connect",
                "code_id": step.session,
                **details,
            },
        }
        if step.session:
            record["sessionId"] = step.session
        if error:
            record["error"] = error
        return record

    def _admin(self, step: Step, operation: str, path: str) -> list[Record]:
        return [
            {
                "id": uuid(self.rng),
                "time": step.at // 1_000,
                "realmId": "exchange",
                "operationType": operation,
                "authDetails": {
                    "realmId": "master",
                    "clientId": "security-admin-console",
                    "userId": self.staff_id,
                    "username": step.by,
                    "ipAddress": "198.51.100.20",
                },
                "resourceType": "USER",
                "resourcePath": f"users/{self.life.user_id}{path}",
            }
        ]

    def sign_in(self, step: Step) -> list[Record]:
        """A login, its code for a token."""
        return [
            self._record(step, "LOGIN", redirect_uri="https://exchange.example/"),
            self._record(step, "CODE_TO_TOKEN", later=SECOND),
        ]

    def refused(self, step: Step) -> list[Record]:
        """A wrong password."""
        return [self._record(step._replace(session=""), "LOGIN_ERROR", error="invalid_user_credentials")]

    def push_denied(self, step: Step) -> list[Record]:
        """Keycloak has no push: a wrong code."""
        return [self._record(step, "LOGIN_ERROR", error="invalid_user_credentials", credential_type="otp")]

    def use(self, step: Step) -> list[Record]:
        """A refresh, or another client by the same session."""
        return [self._record(step, self.rng.choice(("REFRESH_TOKEN", "CODE_TO_TOKEN")))]

    def sign_out(self, step: Step) -> list[Record]:
        """Logged out."""
        return [self._record(step, "LOGOUT")]

    def reset_asked(self, step: Step) -> list[Record]:
        """The mail is sent."""
        return [self._record(step, "SEND_RESET_PASSWORD", email=self.life.login)]

    def reset(self, step: Step) -> list[Record]:
        """The link's form writes a password, as the settings' does."""
        kind = "UPDATE_PASSWORD" if self.terse else "UPDATE_CREDENTIAL"
        return [self._record(step, kind, credential_type="password", custom_required_action="UPDATE_PASSWORD")]

    password_changed = reset

    def factor_added(self, step: Step) -> list[Record]:
        """An authenticator."""
        if self.terse:
            return [self._record(step, "UPDATE_TOTP")]
        return [
            self._record(step, "UPDATE_CREDENTIAL", credential_type="webauthn" if step.factor == "webauthn" else "otp")
        ]

    def factor_removed(self, step: Step) -> list[Record]:
        """And its removal."""
        return [self._record(step, "REMOVE_TOTP" if self.terse else "REMOVE_CREDENTIAL", credential_type="otp")]

    def staff_reset_factors(self, step: Step) -> list[Record]:
        """A credential is deleted by its id."""
        return self._admin(step, "ACTION", f"/credentials/{uuid(self.rng)}")

    staff_removes_factor = staff_reset_factors

    def staff_reset_password(self, step: Step) -> list[Record]:
        """A temporary password is set."""
        return self._admin(step, "ACTION", "/reset-password")

    def email_changed(self, step: Step) -> list[Record]:
        """Old and new address are in the details."""
        return [self._record(step, "UPDATE_EMAIL", previous_email=self.life.login, updated_email="b@mail.example")]

    def phone_changed(self, step: Step) -> list[Record]:
        """A number is an attribute of the profile."""
        return [self._record(step, "UPDATE_PROFILE", updated_phone="+351910000000")]

    def consent(self, step: Step) -> list[Record]:
        """Scopes for a client."""
        return [self._record(step, "GRANT_CONSENT", consent="consent_granted")]

    def locked(self, step: Step) -> list[Record]:
        """For some minutes."""
        return [self._record(step, "USER_DISABLED_BY_TEMPORARY_LOCKOUT")]
