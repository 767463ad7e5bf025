"""Real servers, as ``tests/real/run`` started them."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Iterator

import pytest

from workstation.services.clock import SystemClock
from workstation.services.connectors.endpoint import Endpoint
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.keycloak.accounts import KeycloakAccounts
from workstation.services.connectors.keycloak.client import KeycloakRealm
from workstation.services.connectors.keycloak.control import KeycloakControl

from .keycloak.client import Keycloak, KeycloakUser


def absent(name: str) -> None:
    """Skip, saying why; where nothing may be skipped, fail."""
    why = os.environ.get(f"WORKSTATION_REAL_NO_{name}", "start it with tests/real/run")
    if os.environ.get("CI") == "true":
        pytest.fail(f"{name.lower()}: {why}")
    pytest.skip(f"{name.lower()}: {why}")


@pytest.fixture(scope="session")
def keycloak() -> Iterator[Keycloak]:
    """A running Keycloak with the realm of tests/real/keycloak/realm.json."""
    url = os.environ.get("WORKSTATION_REAL_KEYCLOAK_URL")
    if not url:
        absent("KEYCLOAK")
    server = Keycloak(str(url), os.environ["WORKSTATION_REAL_KEYCLOAK_ADMIN"])
    yield server
    server.close()


@pytest.fixture
def user(keycloak: Keycloak) -> KeycloakUser:
    """A fresh client with a password and an authenticator app."""
    return keycloak.create_user()


@pytest.fixture
def surroundings() -> Surroundings:
    return Surroundings(clock=SystemClock(), rng=random.Random(7))


@pytest.fixture
async def accounts(keycloak: Keycloak, surroundings: Surroundings) -> AsyncIterator[KeycloakAccounts]:
    """The reader of accounts, with the reader's client."""
    reader = KeycloakAccounts(as_client(keycloak, keycloak.reader, surroundings))
    yield reader
    await reader.aclose()


@pytest.fixture
async def control(
    keycloak: Keycloak, accounts: KeycloakAccounts, surroundings: Surroundings
) -> AsyncIterator[KeycloakControl]:
    """Account control as the broker holds it: the writer's client, and the reader's for reading."""
    control = KeycloakControl(as_client(keycloak, keycloak.writer, surroundings), accounts)
    yield control
    await control.aclose()


def as_client(keycloak: Keycloak, client: tuple[str, str], surroundings: Surroundings) -> KeycloakRealm:
    """Return the realm's Admin API as one of its clients."""
    return KeycloakRealm(Endpoint(name="Keycloak", url=keycloak.url), keycloak.realm, *client, surroundings)
