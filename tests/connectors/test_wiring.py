"""From the settings to Keycloak's connectors."""

from __future__ import annotations

import httpx
import msgspec
import pytest

from workstation.services.acts.control import Act
from workstation.services.connectors.keycloak import wiring
from workstation.services.errors import Invalid, SourceDenied, SourceMissing
from workstation.settings import AccountSettings, LogSettings

from .wire import surroundings

CHOSEN = AccountSettings(
    kind="keycloak", url="https://id.example.test/auth", realm="clients", client="reads", writer_client="writes"
)
NOBODY = "00000000-0000-4000-8000-000000000000"


class Server:
    """Gives a token to everybody and knows nobody."""

    def __init__(self) -> None:
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "t", "expires_in": 300, "token_type": "Bearer"})
        return httpx.Response(404, json={"error": "User not found"})

    def clients(self) -> set[str]:
        forms = [httpx.QueryParams(request.content.decode()) for request in self.seen if request.content]
        return {f"{form['client_id']}:{form['client_secret']}" for form in forms if "client_id" in form}


async def test_each_client_comes_with_its_own_secret() -> None:
    server = Server()
    control = wiring.control(CHOSEN, "read-secret", "write-secret", surroundings(server))
    with pytest.raises(SourceMissing):
        await control.execute("k", NOBODY, Act.LOCK, {}, "e")
    assert server.clients() == {"reads:read-secret"}  # nothing is written before the version was read
    await control.aclose()


async def test_everything_lies_below_the_address() -> None:
    server = Server()
    reader = wiring.reader(CHOSEN, "read-secret", surroundings(server))
    with pytest.raises(SourceMissing):
        await reader.read(NOBODY)
    assert all(
        request.url.path.startswith(("/auth/realms/clients/", "/auth/admin/realms/clients/")) for request in server.seen
    )
    await reader.aclose()


@pytest.mark.parametrize(("dataset", "log"), [("", "/events"), ("admin", "/admin-events")])
async def test_a_log_is_chosen_by_its_dataset(dataset: str, log: str) -> None:
    server = Server()
    source = wiring.events(
        CHOSEN, LogSettings(name="sign-ins", kind="keycloak", dataset=dataset), "read-secret", surroundings(server)
    )
    assert source.name == "sign-ins"
    assert source._path.endswith(log)
    await source.aclose()


@pytest.mark.parametrize("change", [{"url": "http://id.example.test"}, {"url": ""}, {"realm": ""}, {"realm": ".."}])
def test_what_cannot_be_used_is_refused_at_once(change: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        wiring.reader(msgspec.structs.replace(CHOSEN, **change), "s", surroundings(Server()))


async def test_a_denied_secret_names_the_source() -> None:
    def server(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"error": "invalid_client"})

    source = wiring.events(CHOSEN, LogSettings(name="sign-ins", kind="keycloak"), "s", surroundings(server))
    with pytest.raises(SourceDenied, match="sign-ins"):
        await source._realm.http.get("/x", dict[str, str])
