"""Step-up at a real Keycloak by `acr` (RFC 9470): its own pages, its own signatures, our broker's judgement."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.rules.installation import RP, Installation, installation
from workstation.services.acts.idtoken import TokenJudge, Wrong
from workstation.services.acts.proofs import Verifier
from workstation.services.acts.signin import BrowserSignIn
from workstation.services.acts.stepup import StepUp
from workstation.services.clock import SystemClock
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.identity.openid import OpenIdProvider
from workstation.services.errors import StepUpFailed
from workstation.services.store.session import Session

from .client import Keycloak, KeycloakUser
from .staff import CLIENT, Browser, StaffRealm

pytestmark = pytest.mark.real
#: As Keycloak maps them: a password is 1, a code on top is 2.
WANTED = ("2",)


@pytest.fixture(scope="module")
def realm(keycloak: Keycloak) -> Iterator[StaffRealm]:
    made = StaffRealm(keycloak, os.environ["WORKSTATION_REAL_KEYCLOAK_ADMIN"])
    yield made
    made.close()


@pytest.fixture(scope="module")
def david(realm: StaffRealm) -> KeycloakUser:
    return realm.person("david")


def provider(realm: StaffRealm) -> OpenIdProvider:
    return OpenIdProvider(realm.issuer, CLIENT, Surroundings(clock=SystemClock(), rng=random.Random(7)))


@pytest.fixture(scope="module")
def ws(realm: StaffRealm, david: KeycloakUser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A store where David's account in the staff realm is a factor of his."""
    with installation(tmp_path_factory.mktemp("ws") / "store") as made:
        made.verifier = Verifier(RP, os.urandom(32), TokenJudge(provider(realm), WANTED, 60.0))
        data = json.dumps({"iss": realm.issuer, "sub": david.id}, separators=(",", ":")).encode()
        made.su.execute("SELECT ws.enrol_factor('david', 'idp', %s, %s)", (hashlib.sha256(data).digest(), data))
        yield made


@pytest.fixture
async def session(ws: Installation) -> AsyncIterator[Session]:
    """David's connection, while a broker works."""
    ws.reset_factors()
    stop = asyncio.Event()
    broker = asyncio.create_task(ws.broker().run(stop))
    made = Session(ws.conninfo("david"))
    yield made
    await made.aclose()
    stop.set()
    await broker


def at(session: Session, realm: StaffRealm, browser: Browser, acr: tuple[str, ...] = WANTED) -> StepUp:
    return StepUp(session, RP, list, BrowserSignIn(provider(realm), acr, browser.open))


async def test_password_and_code_elevate(session: Session, realm: StaffRealm, david: KeycloakUser) -> None:
    browser = Browser(david)
    step_up = at(session, realm, browser)
    offered = {m.kind: m.offered for m in await step_up.methods()}
    assert offered["idp"]
    elevation = await step_up.with_provider()
    assert (elevation.on, elevation.method) == (True, "idp")
    assert browser.asked == ["password", "code"]


async def test_a_session_that_lies_open_in_the_browser_proves_nothing(
    session: Session, realm: StaffRealm, david: KeycloakUser
) -> None:
    browser = Browser(david)
    step_up = at(session, realm, browser)
    await step_up.with_provider()
    browser.asked.clear()
    # Keycloak counts in whole seconds: what was proved in this very second is of this second.
    realm.let_a_second_pass()
    await step_up.with_provider(hashlib.sha256(b"a request of tier 3").digest())
    assert browser.asked == ["password", "code"], "max_age=0 asks for both again"


async def test_a_password_alone_is_not_enough(session: Session, realm: StaffRealm, david: KeycloakUser) -> None:
    browser = Browser(david)
    with pytest.raises(StepUpFailed, match="second factor"):
        await at(session, realm, browser, ("1",)).with_provider()
    assert browser.asked == ["password"]


async def test_a_level_that_the_realm_does_not_know_is_answered_with_another_and_refused(
    realm: StaffRealm, david: KeycloakUser
) -> None:
    """Keycloak lets a voluntary unknown `acr` succeed: only a comparison of our own finds it."""
    signed = await BrowserSignIn(provider(realm), ("gold",), Browser(david).open).id_token(b"c" * 32)
    with pytest.raises(Wrong, match="acr"):
        await TokenJudge(provider(realm), ("gold",), 60.0).claims(signed, b"c" * 32, SystemClock().now().timestamp())


async def test_somebody_else_at_the_browser(session: Session, realm: StaffRealm) -> None:
    with pytest.raises(StepUpFailed, match="Somebody else signed in"):
        await at(session, realm, Browser(realm.person("erika"))).with_provider()


async def test_a_token_of_an_earlier_sign_in(ws: Installation, realm: StaffRealm, david: KeycloakUser) -> None:
    signed = await BrowserSignIn(provider(realm), WANTED, Browser(david).open).id_token(b"c" * 32)
    judge = TokenJudge(provider(realm), WANTED, 60.0)
    at_s = SystemClock().now().timestamp()
    assert (await judge.claims(signed, b"c" * 32, at_s)).sub == david.id
    for token, challenge, when, why in (
        (signed, b"d" * 32, at_s, "nonce"),
        (signed, b"c" * 32, at_s + 120, "auth_time|expired"),
        (signed[:-8] + "AAAAAAAA", b"c" * 32, at_s, "signature"),
    ):
        with pytest.raises(Wrong, match=why):
            await judge.claims(token, challenge, when)
