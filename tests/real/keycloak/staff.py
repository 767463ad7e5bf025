"""The staff's realm, and a browser that fills in Keycloak's own pages as a person would."""

from __future__ import annotations

import json
import secrets
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx

from .client import Administrator, Keycloak, KeycloakUser, code, otp_credential

REALM = "staff"
CLIENT = "workstation"


class StaffRealm:
    """Made for a test run; its browser flow asks for a password at level 1 and for a code at level 2.

    A code may be used again here, because tests are quicker than thirty seconds; a team's realm must not allow that.
    """

    def __init__(self, server: Keycloak, password: str) -> None:
        self.issuer = f"{server.url}/realms/{REALM}"
        self._admin = httpx.Client(base_url=f"{server.url}/admin", timeout=60, auth=Administrator(server.url, password))
        wanted = json.loads(Path(__file__).with_name("staff.json").read_text())
        if self._admin.get(f"/realms/{REALM}").status_code == 404:
            self._admin.post("/realms", json=wanted).raise_for_status()

    def person(self, name: str) -> KeycloakUser:
        """Make somebody with a password and an authenticator app."""
        username = f"{name}-{secrets.token_hex(4)}"
        password, secret = secrets.token_urlsafe(12), secrets.token_hex(10)
        made = self._admin.post(
            f"/realms/{REALM}/users",
            json={
                "username": username,
                "email": f"{username}@staff.example",
                "emailVerified": True,
                "enabled": True,
                "firstName": name,
                "lastName": "Staff",
                "credentials": [
                    {"type": "password", "value": password, "temporary": False},
                    otp_credential("phone", secret),
                ],
            },
        ).raise_for_status()
        id_ = made.headers["location"].rpartition("/")[2]
        return KeycloakUser(id=id_, username=username, email=f"{username}@staff.example", password=password, otp=secret)

    def let_a_second_pass(self) -> None:
        """Ask the server until its clock (the Date of its answers, whole seconds) has moved twice."""
        seen: set[str] = set()
        while len(seen) < 3:
            seen.add(self._admin.get(f"/realms/{REALM}").headers.get("date") or str(int(time.time())))

    def close(self) -> None:
        """Let go of the connection."""
        self._admin.close()


class _Forms(HTMLParser):
    """The forms of a page, each with where it goes and what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "form":
            self.found.append((said.get("action") or "", {}))
        elif tag in ("input", "button") and self.found and said.get("name"):
            self.found[-1][1][str(said["name"])] = said.get("value") or ""


class Browser:
    """One person's browser: keeps cookies, types a password and a code where a page asks for them.

    Args:
        user: who sits there.
    """

    def __init__(self, user: KeycloakUser) -> None:
        self._user = user
        self.asked: list[str] = []
        # Keycloak's cookies are all Secure and this is http on this machine.
        hooks: dict[str, list[Any]] = {"response": [self._not_secure]}
        self._http = httpx.Client(follow_redirects=False, timeout=30, event_hooks=hooks)

    def _not_secure(self, response: httpx.Response) -> None:
        for cookie in self._http.cookies.jar:
            cookie.secure = False

    def open(self, url: str) -> None:
        """Follow `url` through every page until it comes back to this machine's own listener."""
        page = self._http.get(url)
        for _ in range(12):
            if page.status_code in (302, 303):
                there = urljoin(str(page.url), page.headers["location"])
                page = self._http.get(there)
                if "/cb?" in there:
                    return
            else:
                page = self._submit(page)
        raise AssertionError(f"the browser went round in circles: {self.asked}")

    def _submit(self, page: httpx.Response) -> httpx.Response:
        forms = _Forms()
        forms.feed(page.text)
        assert forms.found, page.text[:500]
        action, fields = forms.found[0]
        for name in ("rememberMe", "cancel", "tryAnotherWay"):
            fields.pop(name, None)
        if "otp" in fields:
            self.asked.append("code")
            fields["otp"] = code(self._user.otp)
        elif "password" in fields:
            self.asked.append("password")
            fields["password"] = self._user.password
            if "username" in fields:
                fields["username"] = self._user.username
        return self._http.post(urljoin(str(page.url), action), data=fields)

    def close(self) -> None:
        """Close the browser."""
        self._http.close()
