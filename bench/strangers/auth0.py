"""Auth0 tenant logs (Auth0: "Log Event Type Codes"), as a log stream writes them."""

from __future__ import annotations

from bench.strangers.lives import Step
from bench.strangers.said import SECOND, Pen, Record, stamp
from bench.strangers.world import token


class Auth0(Pen):
    """No operator, no device; a place only where the tenant has it; staff act through the Management API."""

    def _record(
        self, step: Step, code: str, said: str, *, later: int = 0, details: Record | None = None, **more: str
    ) -> Record:
        log_id = "90020" + token(self.rng, 35, "0123456789")
        data: Record = {
            "date": stamp(step.at + later),
            "type": code,
            "description": said,
            "connection": "Username-Password-Authentication",
            "connection_id": "con_x",
            "client_id": "Zb7",
            "client_name": "Exchange",
            "ip": "",
            "user_agent": "",
            "details": details or {},
            "hostname": "login.example.org",
            "user_id": "auth0|" + self.life.user_id,
            "user_name": self.life.login,
            "strategy": "auth0",
            "strategy_type": "database",
            "log_id": log_id,
            "$event_schema": {"version": "1.0.0"},
            "tenant_name": "exchange",
            **more,
        }
        if step.seat is not None:
            seat, place = step.seat, step.seat.net.place
            data["ip"] = seat.ip
            data["user_agent"] = f"{seat.agent.browser} {seat.version}.0.0 / {seat.agent.os} 10.0.0"
            if not self.terse:
                data["location_info"] = {
                    "country_code": place.code,
                    "country_name": place.country,
                    "city_name": place.city,
                    "latitude": place.lat,
                    "longitude": place.lon,
                    "continent_code": "XX",
                }
        return {"log_id": log_id, "data": data}

    def sign_in(self, step: Step) -> list[Record]:
        """Guardian's push and answer, then success; the session's id is in newer tenants."""
        records = []
        if step.factor == "push":
            records.append(self._record(step, "gd_send_pn", "Push notification sent"))
        if step.factor:
            records.append(
                self._record(
                    step,
                    "gd_auth_succeed",
                    "Guardian - Second factor authentication success",
                    later=9 * SECOND,
                    details={"authenticator": {"type": step.factor}},
                )
            )
        details = {} if self.terse else {"session_id": step.session}
        records.append(self._record(step, "s", "Successful login", later=10 * SECOND, details=details))
        return [*records, self._record(step, "seacft", "Authorization Code for Access Token", later=11 * SECOND)]

    def refused(self, step: Step) -> list[Record]:
        """A wrong password of a known user."""
        return [self._record(step, "fp", "Wrong email or password.")]

    def push_denied(self, step: Step) -> list[Record]:
        """Refused on the phone; one that runs out leaves only the sending."""
        records = [self._record(step, "gd_send_pn", "Push notification sent")]
        if self.rng.random() < 0.6:
            records.append(
                self._record(
                    step, "gd_auth_rejected", "Guardian - Second factor authentication rejected", later=14 * SECOND
                )
            )
        return records

    def push_lost(self, step: Step) -> list[Record]:
        """One that runs out leaves only the sending."""
        return [self._record(step, "gd_send_pn", "Push notification sent")]

    def use(self, step: Step) -> list[Record]:
        """A refresh token is exchanged, or the session signs in silently."""
        if self.rng.random() < 0.5:
            return [self._record(step, "sertft", "Successful Refresh Token exchange")]
        details = {} if self.terse else {"session_id": step.session}
        return [self._record(step, "ssa", "Successful silent authentication", details=details)]

    def sign_out(self, step: Step) -> list[Record]:
        """Logged out."""
        return [self._record(step, "slo", "User successfully logged out")]

    def reset_asked(self, step: Step) -> list[Record]:
        """Asked for the link."""
        return [self._record(step, "scpr", "Change password request")]

    def reset(self, step: Step) -> list[Record]:
        """Auth0 has one code for a new password, however it came about."""
        return [self._record(step, "scp", "You can now login to the application with the new password.")]

    password_changed = reset

    def factor_added(self, step: Step) -> list[Record]:
        """Guardian enrols."""
        return [
            self._record(
                step,
                "gd_enrollment_complete",
                "Guardian - Enrollment complete",
                details={"authenticator": {"type": step.factor}},
            )
        ]

    def factor_removed(self, step: Step) -> list[Record]:
        """And unenrols."""
        return [self._record(step, "gd_unenroll", "Unenroll device account")]

    def _api(self, step: Step, said: str, method: str, path: str) -> list[Record]:
        request = {"method": method, "path": path, "auth": {"user": {"user_id": "auth0|staff", "email": step.by}}}
        record = self._record(step, "sapi", said, details={"request": request, "response": {"statusCode": 204}})
        record["data"] |= {"ip": "198.51.100.20", "user_id": "auth0|staff", "user_name": step.by}
        return [record]

    def staff_reset_factors(self, step: Step) -> list[Record]:
        """The dashboard's button "reset multi-factor"."""
        return self._api(
            step, "Delete All Authenticators", "delete", f"/api/v2/users/auth0%7C{self.life.user_id}/authenticators"
        )

    staff_removes_factor = staff_reset_factors

    def staff_reset_password(self, step: Step) -> list[Record]:
        """A user's password is a field of the user."""
        records = self._api(step, "Update a User", "patch", f"/api/v2/users/auth0%7C{self.life.user_id}")
        records[0]["data"]["details"]["request"]["body"] = {"password": "*****", "connection": "db"}
        return records

    def email_changed(self, step: Step) -> list[Record]:
        """Changed and verified."""
        return [self._record(step, "sce", "Your email address has been changed")]

    def phone_changed(self, step: Step) -> list[Record]:
        """A number of one's own."""
        return [self._record(step, "scpn", "Your phone number has been changed")]

    def consent(self, step: Step) -> list[Record]:
        """Auth0 logs only that a token was given to the application."""
        return [
            self._record(step, "seacft", "Authorization Code for Access Token", client_name=step.what or "Calendar")
        ]

    def locked(self, step: Step) -> list[Record]:
        """The account is blocked for the address."""
        return [self._record(step, "limit_wc", "Blocked Account Email")]
