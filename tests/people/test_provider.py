"""Step-up at an identity provider: the broker believes what was signed for this challenge, and nothing else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from tests.people.openid import CLIENT, Provider
from tests.people.staff import OK, Desk, Staff
from tests.rules.installation import RP, SECRET, answer
from workstation.services.acts.idtoken import Claims, TokenJudge, Wrong, nonce_of
from workstation.services.acts.proofs import Subject, Verifier, subject_of
from workstation.services.acts.signin import BrowserSignIn
from workstation.services.clock import FrozenClock, SystemClock
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.identity.openid import OpenIdProvider
from workstation.services.errors import SourceError, SourceGarbled, StepUpFailed


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def honest(provider: Provider) -> None:
    provider.sub, provider.acr, provider.error, provider.broken = "sub-of-david", "2", "", False
    provider.published = [provider.key.as_dict(private=False)]


def client(provider: Provider) -> OpenIdProvider:
    return OpenIdProvider(provider.issuer, CLIENT, Surroundings(clock=SystemClock(), rng=random.Random(7)))


@pytest.fixture(scope="module")
def judged(staff: Staff, provider: Provider) -> Iterator[Callable[[], Verifier]]:
    """A broker that knows the provider; everybody's codes are wrapped anew for it, and back again at the end."""
    key, before = os.urandom(32), staff.ws.verifier

    def wrap(verifier: Verifier) -> None:
        for (login,) in staff.su.execute(
            "SELECT login FROM wsd.factor WHERE kind = 'totp' AND cred_id = 'tttttttttttttttt'"
        ).fetchall():
            wrapped = verifier.wrap(login, SECRET)
            staff.su.execute("UPDATE wsd.factor SET data = %s WHERE login = %s AND kind = 'totp'", (wrapped, login))

    # a fresh one for each test: what it remembers of the provider's keys is the test's
    def make() -> Verifier:
        return Verifier(RP, key, TokenJudge(client(provider), ("2", "3"), 60.0))

    wrap(make())
    yield make
    wrap(before)
    staff.ws.verifier = before


@pytest.fixture
def desk(staff: Staff, provider: Provider, judged: Callable[[], Verifier]) -> Desk:
    """David's desk, where his account at the provider is a factor of his."""
    staff.ws.verifier = judged()
    staff.su.execute("DELETE FROM wsd.factor WHERE kind = 'idp'")
    enrol(staff, provider, "david", "sub-of-david")
    return staff.desk("david")


def enrol(staff: Staff, provider: Provider, login: str, sub: str) -> None:
    data = json.dumps({"iss": provider.issuer, "sub": sub}, separators=(",", ":")).encode()
    staff.su.execute("SELECT ws.enrol_factor(%s, 'idp', %s, %s)", (login, hashlib.sha256(data).digest(), data))


def challenge(desk: Desk, bind: bytes | None = None) -> tuple[Any, str]:
    row = desk.execute("SELECT id, challenge FROM ws.challenge(%s, 'idp')", (bind,)).fetchone()
    assert row is not None
    return row[0], nonce_of(bytes(row[1]))


def prove(staff: Staff, desk: Desk, identifier: Any, token: object) -> str:
    sent = answer(desk, "SELECT ws.prove(%s, %s::jsonb)", identifier, json.dumps({"id_token": token}))
    if sent != OK:
        return str(sent)
    staff.ws.broke("judge")
    return str(answer(desk, "SELECT ws.proof_result(%s)", identifier))


def test_a_signed_token_for_this_challenge_elevates(staff: Staff, provider: Provider, desk: Desk) -> None:
    identifier, nonce = challenge(desk)
    assert prove(staff, desk, identifier, provider.token(nonce)) == "ok"
    state = answer(desk, "SELECT ws.elevation()")
    assert (state["on"], state["method"]) == (True, "idp")
    assert not answer(staff.ws.connect("david"), "SELECT ws.elevation()")["on"], "this connection and no other"


def test_a_token_of_one_connection_does_not_elevate_another(staff: Staff, provider: Provider, desk: Desk) -> None:
    _, nonce = challenge(desk)
    other = staff.ws.connect("david")
    identifier, _ = challenge(other)
    assert prove(staff, other, identifier, provider.token(nonce)) == "bad_token:nonce"


def test_a_token_is_bound_to_one_request(staff: Staff, provider: Provider, desk: Desk) -> None:
    one, another = hashlib.sha256(b"this").digest(), hashlib.sha256(b"that").digest()
    identifier, nonce = challenge(desk, one)
    token = provider.token(nonce)
    second, _ = challenge(desk, another)
    assert prove(staff, desk, second, token) == "bad_token:nonce"
    assert prove(staff, desk, identifier, token) == "ok"


def test_a_token_is_used_once(staff: Staff, provider: Provider, desk: Desk) -> None:
    identifier, nonce = challenge(desk)
    token = provider.token(nonce)
    assert prove(staff, desk, identifier, token) == "ok"
    assert prove(staff, desk, identifier, token) == "DENIED:unknown_challenge"
    again, _ = challenge(desk)
    assert prove(staff, desk, again, token) == "bad_token:nonce"


def ago(seconds: int) -> int:
    return int(time.time()) - seconds


LIES: dict[str, tuple[Callable[[Provider], dict[str, Any]], str]] = {
    "another client's token": (lambda p: {"aud": "mail"}, "audience"),
    "for several, not for us": (lambda p: {"aud": [CLIENT, "mail"], "azp": "mail"}, "audience"),
    "for several, nobody named": (lambda p: {"aud": [CLIENT, "mail"]}, "audience"),
    "for us, given to another": (lambda p: {"azp": "mail"}, "audience"),
    "another issuer": (lambda p: {"iss": "https://evil.example"}, "issuer"),
    "the issuer with a slash": (lambda p: {"iss": p.issuer + "/"}, "issuer"),
    "password only": (lambda p: {"acr": "1"}, "acr"),
    "a level that sounds higher": (lambda p: {"acr": "22"}, "acr"),
    "an old sign-in": (lambda p: {"auth_time": ago(600)}, "auth_time"),
    "a sign-in of the future": (lambda p: {"auth_time": ago(-600)}, "auth_time"),
    "run out": (lambda p: {"exp": ago(60)}, "expired"),
    "issued in the future": (lambda p: {"iat": ago(-600)}, "expired"),
    "somebody else": (lambda p: {"sub": "sub-of-erika"}, "subject"),
    "nobody": (lambda p: {"sub": ""}, "subject"),
    "another nonce": (lambda p: {"nonce": nonce_of(b"x" * 32)}, "nonce"),
    "no nonce": (lambda p: {"nonce": None}, "claims"),
    "no level": (lambda p: {"acr": None}, "claims"),
    "a level that is a list": (lambda p: {"acr": ["2"]}, "claims"),
    "no time of sign-in": (lambda p: {"auth_time": None}, "claims"),
    "no end": (lambda p: {"exp": None}, "claims"),
    "times in words": (lambda p: {"exp": "never"}, "claims"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_the_provider_signed_but_does_not_count(staff: Staff, provider: Provider, desk: Desk, lie: str) -> None:
    changed, why = LIES[lie]
    identifier, nonce = challenge(desk)
    token = provider.token(**{"nonce": nonce, **changed(provider)})
    assert prove(staff, desk, identifier, token) == f"bad_token:{why}"
    assert not answer(desk, "SELECT ws.elevation()")["on"]


def _part(said: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()


def _none(provider: Provider, nonce: str) -> str:
    return f"{_part({'alg': 'none', 'kid': 'k1'})}.{_part(provider.claims(nonce))}."


def _hmac(provider: Provider, nonce: str) -> str:
    """The classic: the public key, which everybody knows, as the secret of an HMAC."""
    text = f"{_part({'alg': 'HS256', 'kid': 'k1'})}.{_part(provider.claims(nonce))}"
    tag = hmac.digest(provider.key.as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(tag).rstrip(b'=').decode()}"


def _own_key(provider: Provider, nonce: str) -> str:
    mine = RSAKey.generate_key(2048, {"kid": "k1"})
    return str(jwt.encode({"alg": "RS256", "kid": "k1"}, provider.claims(nonce), mine))


def _brought_key(provider: Provider, nonce: str) -> str:
    """The key in the token's own header (RFC 7515, 4.1.3)."""
    mine = RSAKey.generate_key(2048, {"kid": "k1"})
    head = {"alg": "RS256", "kid": "k1", "jwk": mine.as_dict(private=False)}
    return str(jwt.encode(head, provider.claims(nonce), mine))


def _edited(provider: Provider, nonce: str) -> str:
    head, _, signature = provider.token(nonce, acr="1").split(".")
    return f"{head}.{_part(provider.claims(nonce))}.{signature}"


def _unpublished(provider: Provider, nonce: str) -> str:
    return str(jwt.encode({"alg": "ES256", "kid": "k2"}, provider.claims(nonce), provider.other_key))


FORGERIES: dict[str, Callable[[Provider, str], str]] = {
    "alg none": _none,
    "HMAC with the public key": _hmac,
    "own key under the provider's name": _own_key,
    "key in the header": _brought_key,
    "claims edited": _edited,
    "key that is not published": _unpublished,
    "cut": lambda p, n: p.token(n)[:-20],
    "two dots only": lambda p, n: "..",
    "empty": lambda p, n: "",
    "not base64": lambda p, n: "é.é.é",
    "header is a list": lambda p, n: base64.urlsafe_b64encode(b"[1]").decode() + ".e30.x",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_the_provider_did_not_sign(staff: Staff, provider: Provider, desk: Desk, forgery: str) -> None:
    identifier, nonce = challenge(desk)
    assert prove(staff, desk, identifier, FORGERIES[forgery](provider, nonce)).startswith("bad_token:")
    assert not answer(desk, "SELECT ws.elevation()")["on"]


def test_a_secret_among_the_published_keys_is_no_key(staff: Staff, provider: Provider, desk: Desk) -> None:
    shared = OctKey.generate_key(256, {"kid": "k1"})
    provider.published = [shared.as_dict(private=True)]
    identifier, nonce = challenge(desk)
    head = {"alg": "HS256", "kid": "k1"}
    token = str(jwt.encode(head, provider.claims(nonce), shared, algorithms=["HS256"]))
    assert prove(staff, desk, identifier, token) == "bad_token:key"


def test_an_account_that_is_anothers_factor_is_not_mine(staff: Staff, provider: Provider, desk: Desk) -> None:
    enrol(staff, provider, "erika", "sub-of-erika")
    erika = staff.desk("erika")
    identifier, nonce = challenge(erika)
    assert prove(staff, erika, identifier, provider.token(nonce)) == "bad_token:subject"
    identifier, nonce = challenge(erika)
    assert prove(staff, erika, identifier, provider.token(nonce, sub="sub-of-erika")) == "ok"


def test_wrong_tokens_are_failed_step_ups(staff: Staff, provider: Provider, desk: Desk) -> None:
    found = []
    for _ in range(6):
        identifier, nonce = challenge(desk)
        found.append(prove(staff, desk, identifier, provider.token(nonce, acr="1")))
    assert found == ["bad_token:acr"] * 5 + ["locked"]


def test_a_provider_that_is_away_costs_nobody_a_try(staff: Staff, provider: Provider, desk: Desk) -> None:
    provider.broken = True
    for _ in range(6):
        identifier, nonce = challenge(desk)
        assert prove(staff, desk, identifier, provider.token(nonce)) == "provider_away"
    assert staff.one("SELECT fails FROM wsd.throttle WHERE login = 'david'") == 0


def test_without_a_configured_provider_a_token_is_nothing(staff: Staff, provider: Provider, desk: Desk) -> None:
    staff.ws.verifier = Verifier(RP, os.urandom(32))
    identifier, nonce = challenge(desk)
    assert prove(staff, desk, identifier, provider.token(nonce)) == "no_provider"


def test_a_method_that_policy_does_not_allow_is_refused_though_it_proves(
    staff: Staff, provider: Provider, desk: Desk
) -> None:
    staff.su.execute("UPDATE wsd.method_policy SET max_tier = 2 WHERE kind = 'idp' AND level = 3")
    try:
        identifier, nonce = challenge(desk, hashlib.sha256(b"an intent of tier 3").digest())
        assert prove(staff, desk, identifier, provider.token(nonce)) == "method_too_weak"
        staff.su.execute("UPDATE wsd.method_policy SET max_tier = 0 WHERE kind = 'idp' AND level = 3")
        identifier, nonce = challenge(desk)
        assert prove(staff, desk, identifier, provider.token(nonce)) == "method_not_allowed"
        why = {m["kind"]: m["why"] for m in answer(desk, "SELECT ws.step_up_methods()")}
        assert why["idp"] == "method_policy"
    finally:
        staff.su.execute("UPDATE wsd.method_policy SET max_tier = 3 WHERE kind = 'idp' AND level = 3")


async def test_keys_that_change_are_asked_for_again_but_not_for_every_token(provider: Provider) -> None:
    clock = FrozenClock(datetime.now(UTC))
    asked = OpenIdProvider(provider.issuer, CLIENT, Surroundings(clock=clock, rng=random.Random(7)))
    judge = TokenJudge(asked, ("2",), 60.0)
    nonce, at = nonce_of(b"n" * 32), time.time()
    assert (await judge.claims(provider.token(nonce), b"n" * 32, at)).sub == "sub-of-david"
    token = _unpublished(provider, nonce)
    before = provider.key_requests
    for _ in range(20):
        with pytest.raises(Wrong, match="key"):
            await judge.claims(token, b"n" * 32, at)
    assert provider.key_requests == before, "a stranger's token does not make us ask"
    provider.published = [provider.other_key.as_dict(private=False)]
    clock.move(timedelta(seconds=31))
    assert (await judge.claims(token, b"n" * 32, at)).sub == "sub-of-david"
    with pytest.raises(Wrong, match="key"):
        await judge.claims(provider.token(nonce), b"n" * 32, at)
    await asked.aclose()


async def test_a_provider_under_another_name_is_not_believed(provider: Provider) -> None:
    asked = client(provider)
    honest_name, provider.issuer = provider.issuer, provider.issuer + "2"
    try:
        with pytest.raises(SourceGarbled, match="another name"):
            await asked.metadata()
    finally:
        provider.issuer = honest_name
        await asked.aclose()


@given(
    st.one_of(st.text(max_size=60), st.from_regex(r"[A-Za-z0-9_=-]{0,20}(\.[A-Za-z0-9_=-]{0,20}){0,4}", fullmatch=True))
)
@settings(max_examples=60, deadline=None)
def test_no_text_makes_the_judge_stumble(text: str) -> None:
    class Keys:
        issuer, client_id = "https://id.example", CLIENT

        async def keys(self, unknown: str | None = None) -> list[dict[str, Any]]:
            return []

    with pytest.raises(Wrong):
        asyncio.run(TokenJudge(Keys(), ("2",), 60.0).claims(text, b"c" * 32, 0.0))  # type: ignore[arg-type]


# -- the workstation's side -----------------------------------------------------------------------------------
async def sign_in(provider: Provider, browse: Callable[[str], object]) -> str:
    asked = client(provider)
    try:
        return await BrowserSignIn(asked, ("2", "3"), browse).id_token(b"c" * 32)
    finally:
        await asked.aclose()


def follow(url: str) -> None:
    assert httpx.get(url, follow_redirects=True).status_code == 200


async def test_the_browser_brings_a_token_for_this_challenge(provider: Provider) -> None:
    token = await sign_in(provider, follow)
    judge = TokenJudge(client(provider), ("2",), 60.0)
    assert (await judge.claims(token, b"c" * 32, time.time())).sub == "sub-of-david"
    asked = provider.asked[-1]
    assert asked["acr_values"] == "2 3"
    assert (asked["max_age"], asked["code_challenge_method"], asked["scope"]) == ("0", "S256", "openid")
    assert urlsplit(asked["redirect_uri"]).hostname == "127.0.0.1"
    assert asked["theme"] == "dark", "what the provider's own address asks for stays"


async def test_a_page_that_does_not_know_the_state_is_ignored(provider: Provider) -> None:
    def sly(url: str) -> None:
        back = httpx.get(url, follow_redirects=False).headers["location"]
        home = back.partition("?")[0]
        assert httpx.get(f"{home}?code=stolen&state=guess").status_code == 404
        assert httpx.get(f"{home.removesuffix('/cb')}/other?code=x").status_code == 404
        assert httpx.post(home, content=b"code=x").status_code == 404
        assert httpx.get(back).status_code == 200

    assert (await sign_in(provider, sly)).count(".") == 2


async def test_a_refusal_is_said_in_the_providers_words_and_clean(provider: Provider) -> None:
    provider.error = "access_denied"
    with pytest.raises(StepUpFailed, match="refused: no"):
        await sign_in(provider, follow)


async def test_an_answer_of_another_provider_is_refused(provider: Provider) -> None:
    def mixed_up(url: str) -> None:
        back = httpx.get(url, follow_redirects=False).headers["location"]
        httpx.get(back.replace("iss=http%3A%2F%2F127", "iss=http%3A%2F%2F128"))

    with pytest.raises(StepUpFailed, match="another identity provider"):
        await sign_in(provider, mixed_up)


async def test_the_page_waits_to_be_opened_by_hand(provider: Provider) -> None:
    asked = client(provider)
    shown = threading.Event()
    waiting = BrowserSignIn(asked, ("2",), lambda url: shown.set())
    task = asyncio.create_task(waiting.id_token(b"c" * 32))
    await asyncio.to_thread(shown.wait, 10)
    await asyncio.to_thread(follow, waiting.page)
    assert (await task).count(".") == 2
    assert waiting.page == ""
    await asked.aclose()


async def test_a_provider_that_is_away_is_said_to_be(provider: Provider) -> None:
    provider.broken = True
    with pytest.raises(SourceError, match="identity provider"):
        await sign_in(provider, follow)


def test_what_is_offered_is_enrolled_after_a_second_person(staff: Staff, provider: Provider, desk: Desk) -> None:
    erika = staff.desk("erika")
    provider.sub = "a new account of erika"
    row = erika.execute("SELECT * FROM ws.offer_factor('idp', 'work account')").fetchone()
    assert row is not None
    change, identifier, wanted, denied = row
    assert denied is None
    assert prove(staff, erika, identifier, provider.token(nonce_of(bytes(wanted)))) == "ok"
    identifier, nonce = challenge(erika)
    assert prove(staff, erika, identifier, provider.token(nonce)) == "bad_token:subject", "it does not count yet"
    (shown,) = [c for c in answer(staff.desk("gina"), "SELECT ws.changes()") if c["id"] == str(change)]
    assert staff.confirm("gina", shown) == OK
    identifier, nonce = challenge(erika)
    assert prove(staff, erika, identifier, provider.token(nonce)) == "ok"


def test_the_factor_is_issuer_and_subject(provider: Provider) -> None:
    claims = msgspec.convert(provider.claims("n"), Claims)
    assert msgspec.json.decode(subject_of(claims), type=Subject) == Subject(iss=provider.issuer, sub="sub-of-david")
