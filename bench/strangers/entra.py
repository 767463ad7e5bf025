"""Microsoft Entra ID: sign-ins, audits and risk detections, as Microsoft Graph answers them."""

from __future__ import annotations

from bench.strangers.lives import Step
from bench.strangers.said import SECOND, Pen, Record, stamp, uuid

_METHODS = {
    "push": "Mobile app notification",
    "totp": "OATH verification code",
    "sms": "Text message",
    "webauthn": "FIDO2 security key",
}


class Entra(Pen):
    """Devices only where they are managed; audits say an address and nothing else of whence."""

    @property
    def _id(self) -> str:
        return f"{self.life.user_id[:8]}-0000-4000-8000-{self.life.user_id[8:20]}"

    def _signed(
        self,
        step: Step,
        code: int = 0,
        reason: str = "Other.",
        *,
        later: int = 0,
        seen: str = "Password",
        interactive: bool = True,
    ) -> Record:
        seat = step.seat
        assert seat is not None
        place, managed = seat.net.place, not self.terse and seat.device == self.life.laptop[1] and self.life.ways.office
        methods = [{"authenticationMethod": seen, "succeeded": code in (0, 50074)}]
        if step.factor and code in (0, 500121):
            methods.append({"authenticationMethod": _METHODS[step.factor], "succeeded": code == 0})
        return {
            "id": uuid(self.rng),
            "createdDateTime": stamp(step.at + later, 0),
            "userDisplayName": self.life.login.partition("@")[0],
            "userPrincipalName": self.life.login,
            "userId": self._id,
            "appId": uuid(self.rng),
            "appDisplayName": step.what or "Office 365 Exchange Online",
            "ipAddress": seat.ip,
            "clientAppUsed": "Browser",
            "userAgent": seat.user_agent,
            "correlationId": uuid(self.rng),
            "conditionalAccessStatus": "notApplied",
            "isInteractive": interactive,
            "autonomousSystemNumber": seat.net.asn,
            "signInEventTypes": ["interactiveUser" if interactive else "nonInteractiveUser"],
            "riskLevelDuringSignIn": "none" if not step.hostile else self.rng.choice(("none", "low", "medium")),
            "riskState": "none",
            "authenticationRequirement": "multiFactorAuthentication" if step.factor else "singleFactorAuthentication",
            "status": {"errorCode": code, "failureReason": reason, "additionalDetails": None},
            "sessionId": "" if self.terse else step.session,
            "authenticationDetails": methods,
            "deviceDetail": {
                "deviceId": seat.device if managed else "",
                "displayName": "",
                "operatingSystem": seat.agent.os,
                "browser": f"{seat.agent.browser} {seat.version}.0",
                "isManaged": managed,
                "trustType": "",
            },
            "location": {
                "city": place.city,
                "state": "",
                "countryOrRegion": place.code,
                "geoCoordinates": {"altitude": None, "latitude": place.lat, "longitude": place.lon},
            },
        }

    def _audit(
        self,
        step: Step,
        name: str,
        reason: str = "",
        *,
        later: int = 0,
        target: Record | None = None,
        app: bool = False,
    ) -> Record:
        user: Record = {
            "id": self._id,
            "userPrincipalName": self.life.login,
            "displayName": None,
            "ipAddress": step.seat.ip if step.seat else "",
        }
        if step.by:
            user = {
                "id": self.staff_id,
                "userPrincipalName": step.by,
                "displayName": None,
                "ipAddress": "198.51.100.20",
            }
        by: Record = {"user": user, "app": None}
        if app:
            by = {
                "user": None,
                "app": {
                    "appId": None,
                    "displayName": "Azure MFA StrongAuthenticationService",
                    "servicePrincipalId": "c1",
                },
            }
        own: Record = {
            "id": self._id,
            "displayName": None,
            "type": "User",
            "userPrincipalName": self.life.login,
            "modifiedProperties": [],
        }
        return {
            "id": f"Directory_{uuid(self.rng)}",
            "category": "UserManagement",
            "correlationId": uuid(self.rng),
            "result": "success",
            "resultReason": reason,
            "activityDisplayName": name,
            "activityDateTime": stamp(step.at + later, 6),
            "loggedByService": "Authentication Methods",
            "operationType": "Update",
            "initiatedBy": by,
            "targetResources": [target or own],
            "additionalDetails": [],
        }

    def sign_in(self, step: Step) -> list[Record]:
        """One record, or an interruption for the second factor and the answer; hostile ones are sometimes detected."""
        records = [self._signed(step, later=20 * SECOND)]
        if step.factor and self.rng.random() < 0.6:
            records.insert(0, self._signed(step, 50074, "Strong Authentication is required."))
        seat = step.seat
        if seat is not None and seat.net.kind in ("hosting", "vpn") and self.rng.random() < 0.4:
            records.append(self._detected(step, self.rng.choice(("unfamiliarFeatures", "anonymizedIPAddress"))))
        return records

    def _detected(self, step: Step, kind: str) -> Record:
        assert step.seat is not None
        return {
            "id": uuid(self.rng),
            "riskEventType": kind,
            "riskState": "atRisk",
            "riskLevel": "medium",
            "riskDetail": "none",
            "source": "IdentityProtection",
            "detectionTimingType": "realtime",
            "activity": "signin",
            "ipAddress": step.seat.ip,
            "activityDateTime": stamp(step.at + 30 * SECOND),
            "userId": self._id,
            "detectedDateTime": stamp(step.at + 600 * SECOND),
            "userPrincipalName": self.life.login,
            "location": {"countryOrRegion": step.seat.net.place.code, "city": step.seat.net.place.city},
        }

    def refused(self, step: Step) -> list[Record]:
        """A wrong password."""
        return [self._signed(step, 50126, "Invalid username or password or Invalid on-premise username or password.")]

    def push_denied(self, step: Step) -> list[Record]:
        """The password was right; the user declined, or did not answer."""
        return [self._signed(step, 500121, "Authentication failed during strong authentication request.")]

    #: The log says the same whether the user refused or did not hear it.
    push_lost = push_denied

    def use(self, step: Step) -> list[Record]:
        """A token for another application, without the user."""
        return [self._signed(step._replace(factor=""), interactive=False, seen="Previously satisfied")]

    def reset_asked(self, step: Step) -> list[Record]:
        """The self-service flow tells its progress."""
        return [self._audit(step, "Self-service password reset flow activity progress", "User submitted their user ID")]

    def reset(self, step: Step) -> list[Record]:
        """Self-service."""
        return [self._audit(step, "Reset password (self-service)", "Successfully completed reset.")]

    def password_changed(self, step: Step) -> list[Record]:
        """In the settings."""
        return [self._audit(step, "Change password (self-service)")]

    def factor_added(self, step: Step) -> list[Record]:
        """The service writes it twice, once in its own name."""
        said = "User registered Authenticator App with Notification and Code"
        return [
            self._audit(step, "User registered security info", said),
            self._audit(step, "Update user", later=SECOND, app=True),
        ]

    def factor_removed(self, step: Step) -> list[Record]:
        """And its removal."""
        return [self._audit(step, "User deleted security info", "User deleted Mobile App notification")]

    def staff_reset_factors(self, step: Step) -> list[Record]:
        """Methods are deleted one by one; a pass for a while is given instead."""
        records = [self._audit(step, "Admin deleted security info", "Admin deleted Authenticator App for user")]
        if self.rng.random() < 0.5:
            records.append(
                self._audit(
                    step,
                    "Admin registered security info",
                    "Admin registered temporary access pass method for user",
                    later=60 * SECOND,
                )
            )
        return records

    def staff_removes_factor(self, step: Step) -> list[Record]:
        """One of them."""
        return [self._audit(step, "Admin deleted security info", "Admin deleted Mobile Phone SMS for user")]

    def staff_reset_password(self, step: Step) -> list[Record]:
        """By an administrator."""
        return [self._audit(step, self.rng.choice(("Reset password (by admin)", "Reset user password")))]

    def email_changed(self, step: Step) -> list[Record]:
        """The address for recovery is security information too."""
        return [self._audit(step, "User registered security info", "User registered Email")]

    def phone_changed(self, step: Step) -> list[Record]:
        """So is the number."""
        return [self._audit(step, "User changed default security info", "User changed the default method")]

    def consent(self, step: Step) -> list[Record]:
        """What is consented to is the target, and no user is."""
        target = {
            "id": uuid(self.rng),
            "displayName": step.what or "Calendar",
            "type": "ServicePrincipal",
            "modifiedProperties": [],
        }
        return [self._audit(step, "Consent to application", target=target)]

    def key_made(self, step: Step) -> list[Record]:
        """A secret for an application that the user owns."""
        target = {
            "id": uuid(self.rng),
            "displayName": step.what or "sync",
            "type": "Application",
            "modifiedProperties": [],
        }
        return [self._audit(step, "Update application – Certificates and secrets management ", target=target)]
