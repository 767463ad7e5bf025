"""The test realm from outside: clients that sign in for real, and an administrator who makes them.

The real sign-in is the direct grant of the realm's own application: the password and, where the user has a
second factor, its code. It succeeds, or fails with Keycloak's own words.
"""

from __future__ import annotations

import base64
import itertools
import json
import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec
import pyotp

from workstation.services.clock import SystemClock

REALM = "exchange"
READER = ("workstation-reader", "reader-secret-of-the-test-realm")
WRITER = ("workstation-writer", "writer-secret-of-the-test-realm")
APP = ("app", "app-secret-of-the-test-realm")
#: Failed sign-ins after which the realm locks (``failureFactor`` of realm.json).
FAILURES = 3


class KeycloakUser(msgspec.Struct, frozen=True, kw_only=True):
    """A client of the exchange. ``otp`` is the raw secret of the authenticator app, ``""`` without one."""

    id: str
    username: str
    email: str
    password: str
    otp: str = ""
    factor: str = ""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a sign-in: tokens, or Keycloak's words."""

    ok: bool
    error: str = ""
    access_token: str = ""
    refresh_token: str = ""


class Administrator(httpx.Auth):
    """The bootstrap administrator's token, fetched anew when it has run out or a test has ended them all."""

    requires_response_body = True

    def __init__(self, url: str, password: str) -> None:
        self._url = f"{url}/realms/master/protocol/openid-connect/token"
        self._password = password
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
            if (yield request).status_code != 401:
                return
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": self._password}
        self._token = (yield httpx.Request("POST", self._url, data=form)).raise_for_status().json()["access_token"]
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


class Keycloak:
    """The running server. `admin` speaks to the realm's Admin API with every right.

    Args:
        url: the server's base address.
        password: of the bootstrap administrator.
    """

    realm = REALM
    reader = READER
    writer = WRITER

    def __init__(self, url: str, password: str) -> None:
        self.url = url
        self._http = httpx.Client(timeout=30)
        self.admin = httpx.Client(base_url=f"{url}/admin/realms/{REALM}", timeout=30, auth=Administrator(url, password))

    def login(self, username: str, password: str, totp: str | None = None, *, offline: bool = False) -> Login:
        """Sign in for real; `totp` is the code of this moment (see :func:`code`)."""
        form = {"grant_type": "password", "username": username, "password": password}
        form["scope"] = "openid offline_access" if offline else "openid"
        for _ in range(50):
            came = self._grant(form | ({} if totp is None else {"totp": totp}))
            if came.ok or not self._was_still_busy(username):
                break
        return came

    def _was_still_busy(self, username: str) -> bool:
        """Return whether the last refusal only said that another sign-in of this user was being finished.

        Keycloak lets one sign-in of a user through at a time, so that parallel guesses cannot outrun the counter;
        a second one within some milliseconds is refused as "temporarily disabled" though nothing is locked.
        """
        found = self.admin.get("/users", params={"username": username, "exact": "true"}).raise_for_status().json()
        if not found or not found[0]["enabled"]:
            return False
        query = {"user": found[0]["id"], "type": "LOGIN_ERROR", "max": 1}
        refusals = self.admin.get("/events", params=query).raise_for_status().json()
        locked = self.admin.get(f"/attack-detection/brute-force/users/{found[0]['id']}").raise_for_status().json()
        return bool(refusals) and refusals[0]["error"] == "user_temporarily_disabled" and not locked["disabled"]

    def refresh(self, login: Login) -> Login:
        """Use a refresh token: whether a session is still good for something."""
        return self._grant({"grant_type": "refresh_token", "refresh_token": login.refresh_token})

    def login_as(self, user: KeycloakUser, *, offline: bool = False) -> Login:
        """Sign in as `user` with everything that they have."""
        return self.login(user.username, user.password, code(user.otp) if user.otp else None, offline=offline)

    def lock_out(self, user: KeycloakUser) -> None:
        """Lock `user` out as an attacker or a forgetful client does: with wrong passwords, for real."""
        for _ in range(FAILURES):
            self._fail_to_sign_in(user)
        asked = itertools.count(1)

        def locked() -> bool:
            if self.brute_force(user)["disabled"] or not self.user(user)["enabled"]:
                return True
            # The protection counts in a thread of its own, and may have taken one of three for a parallel guess.
            if next(asked) % 100 == 0:
                self._fail_to_sign_in(user)
            return False

        self.until(locked)

    def _fail_to_sign_in(self, user: KeycloakUser) -> None:
        assert not self.login(user.username, "wrong " + secrets.token_hex(4)).ok

    def create_user(self, name: str = "client", *, otp: bool = True, verified: bool = True) -> KeycloakUser:
        """Make a fresh client with a password and, by default, an authenticator app."""
        username = f"{name}-{secrets.token_hex(4)}"
        password, secret = secrets.token_urlsafe(12), secrets.token_hex(10) if otp else ""
        made = self.admin.post(
            "/users",
            json={
                "username": username,
                "email": f"{username}@example.test",
                "emailVerified": verified,
                "enabled": True,
                "firstName": "Test",
                "lastName": "Client",
                "attributes": {"customer_no": ["C-1001"]},
                "credentials": [
                    {"type": "password", "value": password, "temporary": False},
                    *([otp_credential("phone", secret)] if otp else []),
                ],
            },
        )
        made.raise_for_status()
        id_ = made.headers["location"].rpartition("/")[2]
        factor = next((c["id"] for c in self.credentials(id_) if c["type"] == "otp"), "")
        return KeycloakUser(
            id=id_, username=username, email=f"{username}@example.test", password=password, otp=secret, factor=factor
        )

    def user(self, user: KeycloakUser) -> dict[str, Any]:
        """Return the user as the administrator sees it."""
        return dict(self.admin.get(f"/users/{user.id}").raise_for_status().json())

    def credentials(self, id_: str) -> list[dict[str, Any]]:
        """Return the credentials of a user, without secrets."""
        return list(self.admin.get(f"/users/{id_}/credentials").raise_for_status().json())

    def brute_force(self, user: KeycloakUser) -> dict[str, Any]:
        """Return what the brute-force protection knows of the user."""
        return dict(self.admin.get(f"/attack-detection/brute-force/users/{user.id}").raise_for_status().json())

    def change(self, user: KeycloakUser, **fields: Any) -> None:
        """Change the user as a staff member does in Keycloak's own console."""
        self.admin.put(f"/users/{user.id}", json=fields).raise_for_status()

    def change_own_email(self, user: KeycloakUser, email: str) -> None:
        """Change the address as the client (or whoever signed in as the client) does."""
        login = self.login_as(user)
        headers = {"Authorization": f"Bearer {login.access_token}", "Accept": "application/json"}
        account = f"{self.url}/realms/{REALM}/account/"
        me = self._http.get(account, headers=headers).raise_for_status().json()
        me.pop("userProfileMetadata", None)
        self._http.post(account, headers=headers, json={**me, "email": email}).raise_for_status()

    def join(self, user: KeycloakUser, group: str) -> None:
        """Put the user into a group."""
        self.admin.put(f"/users/{user.id}/groups/{self._group(group)}").raise_for_status()

    def narrow_client(self, group: str) -> tuple[str, str]:
        """Make a client that may act on the members of a group alone, by a fine-grained permission."""
        client_id, secret = f"narrow-{secrets.token_hex(4)}", secrets.token_urlsafe(12)
        made = self.admin.post(
            "/clients",
            json={
                "clientId": client_id,
                "secret": secret,
                "publicClient": False,
                "serviceAccountsEnabled": True,
                "standardFlowEnabled": False,
            },
        ).raise_for_status()
        client = made.headers["location"].rpartition("/")[2]
        (permissions,) = self.admin.get("/clients", params={"clientId": "admin-permissions"}).json()
        server = f"/clients/{permissions['id']}/authz/resource-server"
        policy = {"name": f"only {client_id}", "clients": [client], "logic": "POSITIVE"}
        permission = {
            "name": f"{client_id} on {group}",
            "resourceType": "Groups",
            "resources": [self._group(group)],
            "scopes": ["view-members", "manage-members"],
            "policies": [self.admin.post(f"{server}/policy/client", json=policy).raise_for_status().json()["id"]],
            "decisionStrategy": "UNANIMOUS",
        }
        self.admin.post(f"{server}/permission/scope", json=permission).raise_for_status()
        return client_id, secret

    def _group(self, name: str) -> str:
        """Return the id of the group, made where there is none."""
        found = self.admin.get("/groups", params={"search": name, "exact": "true"}).raise_for_status().json()
        if found:
            return str(found[0]["id"])
        made = self.admin.post("/groups", json={"name": name}).raise_for_status()
        return made.headers["location"].rpartition("/")[2]

    @contextmanager
    def settings(self, **fields: Any) -> Iterator[None]:
        """Run the realm with other settings for a while."""
        before = self.admin.get("/").raise_for_status().json()
        self.admin.put("/", json=fields).raise_for_status()
        try:
            yield
        finally:
            self.admin.put("/", json={name: before.get(name) for name in fields}).raise_for_status()

    def until(self, holds: Callable[[], object]) -> None:
        """Ask until `holds`, for half a minute at most; each question is a round trip, so nothing is slept."""
        clock = SystemClock()
        end = clock.monotonic() + 30
        while not holds():
            assert clock.monotonic() < end, "Keycloak did not come to it"

    def refuses(self, authorization: str) -> bool:
        """Return whether a service's token is refused by now."""
        url = f"{self.url}/admin/realms/{REALM}/users/count"
        return self._http.get(url, headers={"Authorization": authorization}).status_code == 401

    def close(self) -> None:
        """Let go of the connections."""
        self.admin.close()
        self._http.close()

    def _grant(self, form: dict[str, str]) -> Login:
        url = f"{self.url}/realms/{REALM}/protocol/openid-connect/token"
        answer = self._http.post(url, data={**form, "client_id": APP[0], "client_secret": APP[1]})
        said = answer.json()
        if answer.status_code == 200:
            return Login(ok=True, access_token=said["access_token"], refresh_token=said["refresh_token"])
        return Login(ok=False, error=said.get("error_description", said["error"]))


def code(secret: str) -> str:
    """Return the code that the authenticator app with `secret` shows now (RFC 6238; Keycloak keeps it raw)."""
    return pyotp.TOTP(base64.b32encode(secret.encode()).decode()).now()


def otp_credential(label: str, secret: str) -> dict[str, Any]:
    """Return an authenticator app as Keycloak imports it."""
    data = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"}
    return {
        "type": "otp",
        "userLabel": label,
        "secretData": json.dumps({"value": secret}),
        "credentialData": json.dumps(data),
    }
