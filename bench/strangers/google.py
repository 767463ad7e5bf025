"""Google Workspace activities (Reports API): login, user accounts, admin, token and drive."""

from __future__ import annotations

from bench.strangers.lives import Step
from bench.strangers.said import SECOND, Pen, Record, stamp
from bench.strangers.world import token


class Google(Pen):
    """An address; newer records a country and a number of the operator; no programs, sessions or devices."""

    def _record(
        self,
        step: Step,
        application: str,
        name: str,
        *,
        later: int = 0,
        kind: str = "login",
        **parameters: str | bool | list[str],
    ) -> Record:
        said = []
        for key, value in parameters.items():
            typed = "boolValue" if isinstance(value, bool) else "multiValue" if isinstance(value, list) else "value"
            said.append({"name": key, typed: value})
        actor = {"email": self.life.login, "profileId": str(10**20 + int(self.life.user_id, 36) % 10**19)}
        record: Record = {
            "kind": "admin#reports#activity",
            "etag": token(self.rng, 20),
            "id": {
                "time": stamp(step.at + later),
                "uniqueQualifier": token(self.rng, 18, "123456789"),
                "applicationName": application,
                "customerId": "C03xample",
            },
            "actor": actor if not step.by else {"email": step.by, "profileId": "100000000000000000001"},
            "events": [{"type": kind, "name": name, "parameters": said}],
        }
        if step.seat is not None:
            record["ipAddress"] = step.seat.ip
            if not self.terse:
                record["networkInfo"] = {
                    "ipAsn": [step.seat.net.asn],
                    "regionCode": step.seat.net.place.code,
                    "subdivisionCode": "",
                }
        elif step.by:
            record["ipAddress"] = "198.51.100.20"
        return record

    def sign_in(self, step: Step) -> list[Record]:
        """A challenge where there is a second factor, and the success that names the methods."""
        methods = {
            "push": "google_prompt",
            "totp": "google_authenticator",
            "sms": "idv_preregistered_phone",
            "webauthn": "security_key",
        }
        how = ["password"] + ([methods[step.factor]] if step.factor else [])
        records = [
            self._record(
                step,
                "login",
                "login_success",
                later=15 * SECOND,
                login_type="google_password",
                login_challenge_method=how,
                is_suspicious=step.hostile and self.rng.random() < 0.2,
            )
        ]
        if step.factor:
            records.insert(
                0,
                self._record(
                    step,
                    "login",
                    "login_verification",
                    later=10 * SECOND,
                    is_second_factor=True,
                    login_challenge_method=how[1],
                    login_challenge_status="passed",
                ),
            )
        return records

    def refused(self, step: Step) -> list[Record]:
        """A wrong password."""
        return [
            self._record(
                step,
                "login",
                "login_failure",
                login_type="google_password",
                login_failure_type="login_failure_invalid_password",
            )
        ]

    def push_denied(self, step: Step) -> list[Record]:
        """A prompt that was not answered."""
        return [
            self._record(
                step,
                "login",
                "login_challenge",
                login_challenge_method="google_prompt",
                login_challenge_status="Challenge Failed.",
            )
        ]

    #: The log says the same whether the user refused or did not hear it.
    push_lost = push_denied

    def use(self, step: Step) -> list[Record]:
        """A document is opened."""
        return [self._record(step, "drive", "view", kind="access", doc_title="Plan", doc_type="document")]

    def sign_out(self, step: Step) -> list[Record]:
        """Signed out."""
        return [self._record(step, "login", "logout", login_type="google_password")]

    def reset(self, step: Step) -> list[Record]:
        """Google does not tell a reset from a change."""
        return [self._record(step, "user_accounts", "password_edit", kind="password_change")]

    password_changed = reset

    def factor_added(self, step: Step) -> list[Record]:
        """Two-step verification, or a passkey."""
        name = "passkey_enrolled" if step.factor == "webauthn" else "2sv_enroll"
        return [self._record(step, "user_accounts", name, kind="2sv_change")]

    def factor_removed(self, step: Step) -> list[Record]:
        """Switched off."""
        return [self._record(step, "user_accounts", "2sv_disable", kind="2sv_change")]

    def staff_reset_factors(self, step: Step) -> list[Record]:
        """Codes for the user, or two-step verification off."""
        name = self.rng.choice(
            ("GENERATE_2SV_SCRATCH_CODES", "UNENROLL_USER_FROM_STRONG_AUTH", "TURN_OFF_2_STEP_VERIFICATION")
        )
        return [self._record(step, "admin", name, kind="USER_SETTINGS", USER_EMAIL=self.life.login)]

    staff_removes_factor = staff_reset_factors

    def staff_reset_password(self, step: Step) -> list[Record]:
        """By an administrator."""
        return [self._record(step, "admin", "CHANGE_PASSWORD", kind="USER_SETTINGS", USER_EMAIL=self.life.login)]

    def email_changed(self, step: Step) -> list[Record]:
        """The address for recovery."""
        return [self._record(step, "user_accounts", "recovery_email_edit", kind="recovery_info_change")]

    def phone_changed(self, step: Step) -> list[Record]:
        """The number for recovery."""
        return [self._record(step, "user_accounts", "recovery_phone_edit", kind="recovery_info_change")]

    def forwarding(self, step: Step) -> list[Record]:
        """Mail goes out of the domain."""
        return [
            self._record(
                step,
                "user_accounts",
                "email_forwarding_out_of_domain",
                kind="email_forwarding_change",
                email_forwarding_destination_address="copy@mail.example",
            )
        ]

    def consent(self, step: Step) -> list[Record]:
        """An application gets scopes."""
        return [
            self._record(
                step,
                "token",
                "authorize",
                kind="auth",
                app_name=step.what or "Calendar",
                client_id="7",
                scope=["https://mail.google.com/"],
            )
        ]

    def key_made(self, step: Step) -> list[Record]:
        """A password for one application."""
        return [
            self._record(
                step,
                "token",
                "authorize",
                kind="auth",
                app_name="Backup",
                client_id="8",
                scope=["https://www.googleapis.com/auth/drive"],
            )
        ]
