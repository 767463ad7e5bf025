"""What each source's record becomes."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

from tests.mapping.samples import SAMPLES, mapped, raw_of
from workstation.services.clock import from_micros, parse_instant, to_micros
from workstation.services.timeline import mapping
from workstation.services.timeline.mapping import SOURCES, Unmapped, map_line
from workstation.services.timeline.mapping.words import WORDS

ROOT = Path(__file__).resolve().parents[2]


def test_every_source_has_a_sample_or_is_text() -> None:
    assert set(SOURCES) == {*SAMPLES, "openssh"}


@pytest.mark.parametrize(
    ("source", "identifier", "time", "action", "native", "outcome"),
    [
        ("cloudtrail", "e-1", "06:12:40.000000", "second_factor.removed", "DeactivateMFADevice", "success"),
        ("okta", "o-1", "06:12:40.123000", "second_factor.removed", "user.mfa.factor.deactivate", "success"),
        ("auth0", "a-1", "06:12:40.123000", "sapi", "sapi", "success"),
        ("entra", "m-1", "06:12:40.123456", "sign_in", "Sign-in activity", "failure"),
        ("google", "-7", "06:12:40.123456", "sign_in", "login_failure, risky_sensitive_action_blocked", "failure"),
        ("duo", "t-1", "06:12:40.123456", "second_factor.checked", "authentication", "failure"),
        ("keycloak", "k-1", "06:12:40.123000", "sign_in", "LOGIN_ERROR", "failure"),
        ("o365", "p-1", "06:12:40.000000", "sign_in", "UserLoginFailed", "failure"),
        ("ping", "g-1", "06:12:40.123000", "second_factor.removed", "DEVICE.DELETED", "success"),
        ("jumpcloud", "j-1", "06:12:40.495000", "account.locked", "user_lockout", "success"),
        ("ocsf", "f-1", "06:12:40.123000", "second_factor.removed", "mfa.off", "success"),
        ("ecs", "x-1", "06:12:40.123456", "second_factor.removed", "second_factor.removed", "success"),
        (
            *("github", "h-1", "06:12:40.123000", "second_factor.removed"),
            *("two_factor_authentication.remove_factor", "unknown"),
        ),
        ("slack", "l-1", "06:12:40.000000", "role.granted", "role_change_to_admin", "unknown"),
        ("1password", "w-1", "06:12:40.123000", "sign_in", "mfa_failed", "failure"),
    ],
)
def test_what_happened_when_and_what_came_of_it(
    source: str, identifier: str, time: str, action: str, native: str, outcome: str
) -> None:
    event = mapped(source, raw_of(source))
    assert event.id == identifier
    assert event.time_us == to_micros(parse_instant(f"2026-03-01T{time}"))
    assert (event.action, event.native_action, event.outcome) == (action, native, outcome)


@pytest.mark.parametrize(
    "source", ["cloudtrail", "okta", "auth0", "ping", "jumpcloud", "ocsf", "ecs", "github", "slack"]
)
def test_who_was_acted_on_is_not_who_acted(source: str) -> None:
    event = mapped(source, raw_of(source))
    account = {event.account, event.account_name}
    actor = {event.actor, event.actor_name}
    assert account & {"maria", "maria@ex.example", "00uMARIA", "auth0|maria", "u-1"}
    assert actor & {"staff", "staff@ex.example", "00uSTAFF", "auth0|staff", "u-9", "AROAEXAMPLE:ana"}
    assert not (account & actor - {""})


@pytest.mark.parametrize("source", ["entra", "google", "duo", "keycloak", "o365", "1password"])
def test_who_signs_in_acts_on_their_own_account(source: str) -> None:
    event = mapped(source, raw_of(source))
    assert (event.account, event.account_name) == (event.actor, event.actor_name)
    assert event.account_name.startswith("maria")


@pytest.mark.parametrize("source", sorted(SAMPLES))
def test_where_it_came_from(source: str) -> None:
    event = mapped(source, raw_of(source))
    assert event.ip in ("198.51.100.7", "2001:db8::1")
    if source not in ("cloudtrail", "keycloak", "o365", "ping", "slack"):
        assert event.country == "PT"
    if source not in ("google", "keycloak"):
        assert event.user_agent


@pytest.mark.parametrize("source", ["okta", "auth0", "entra", "jumpcloud", "ocsf", "ecs", "1password"])
def test_coordinates_where_the_source_has_them(source: str) -> None:
    assert mapped(source, raw_of(source)).location == "38.7223,-9.1393"


@pytest.mark.parametrize(("source", "second"), [("ecs", 41), ("ocsf", 41), ("ping", 41), ("entra", 0)])
def test_a_second_clock_where_the_source_has_one(source: str, second: int) -> None:
    assert from_micros(mapped(source, raw_of(source)).ingested_us).second == second


def test_the_rest_that_only_some_can_say() -> None:
    assert mapped("okta", raw_of("okta")).risk == "medium"
    assert mapped("okta", raw_of("okta")).device == "guoDEVICE"
    assert mapped("okta", raw_of("okta")).target == "Vault"
    assert mapped("entra", raw_of("entra")).risk == "high"
    assert mapped("google", raw_of("google")).asn == "9009"
    assert mapped("cloudtrail", raw_of("cloudtrail")).session == "ASIAEXAMPLE"
    assert mapped("cloudtrail", raw_of("cloudtrail")).actor_name == "Support/ana"
    assert mapped("o365", raw_of("o365")).session == "s-1"
    assert mapped("ecs", raw_of("ecs")).category == "iam, authentication"


# -- every source ------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", sorted(SAMPLES))
def test_a_record_without_a_time_is_not_dropped(source: str) -> None:
    lines = [
        b"{}",
        b'{"id": {"time": null}, "time": "", "date": "soon"}',
        b"[]",
        b"3",
        b"nonsense",
        b"\xff",
        b"{" * 99_999,
    ]
    for raw in lines:
        result = map_line(source, raw, 0)
        assert isinstance(result, Unmapped), (source, raw)
        assert result.raw == raw
        assert result.error


def test_our_words_are_all_explained_and_documented() -> None:
    said: set[str] = set()
    for module in pkgutil.iter_modules(mapping.__path__, f"{mapping.__name__}."):
        words = getattr(importlib.import_module(module.name), "WORDS", {}) if not module.name.endswith(".words") else {}
        said |= set(words.values())
    assert said <= set(WORDS)
    documented = (ROOT / "docs" / "mapping.md").read_text()
    for word, (category, meaning) in WORDS.items():
        assert f"| `{word}` | {category or '–'} | {meaning} |" in documented
    for source in SOURCES:
        assert f"`{source}`" in documented
