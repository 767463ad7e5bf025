"""The two logs of a real Keycloak as event sources."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contracts.event_source import EventSourceContract, Story, events, read
from workstation.services.clock import SystemClock, to_micros
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.keycloak.events import KeycloakEvents, admin_acts, sign_ins
from workstation.services.timeline.event import Outcome
from workstation.services.timeline.source import Span

from ..conftest import as_client
from .client import Keycloak, KeycloakUser, code

pytestmark = pytest.mark.real


def now_us() -> int:
    return to_micros(SystemClock().now())


def story(user: KeycloakUser, rows: list[dict[str, Any]], began_us: int) -> Story:
    """What the server itself lists, whole and cut in the middle."""
    times = sorted(row["time"] for row in rows)
    middle = times[len(times) // 2] * 1000
    return Story(
        account=user.id,
        span=Span(began_us - 5_000_000, now_us() + 1_000_000),
        ids=frozenset(row["id"] for row in rows),
        part=Span(began_us - 5_000_000, middle),
        part_ids=frozenset(row["id"] for row in rows if row["time"] * 1000 < middle),
        nobody="00000000-0000-4000-8000-000000000000",
    )


class TestSignIns(EventSourceContract):
    @pytest.fixture
    def story(self, keycloak: Keycloak) -> Story:
        began = now_us()
        user = keycloak.create_user()
        for _ in range(3):
            keycloak.login_as(user)
            keycloak.login(user.username, "wrong", code(user.otp))
        rows = keycloak.admin.get("/events", params={"user": user.id, "max": 100}).json()
        assert {row["type"] for row in rows} >= {"LOGIN", "LOGIN_ERROR"}
        return story(user, rows, began)

    @pytest.fixture
    async def source(self, keycloak: Keycloak, surroundings: Surroundings) -> AsyncIterator[KeycloakEvents]:
        source = sign_ins(as_client(keycloak, keycloak.reader, surroundings))
        yield source
        await source.aclose()

    async def test_success_failure_and_reason(self, source: KeycloakEvents, story: Story) -> None:
        got = events(await read(source, story.account, story.span))
        assert {event.outcome for event in got} == {Outcome.SUCCESS, Outcome.FAILURE}
        assert "invalid_user_credentials" in {event.reason for event in got}
        assert {event.account for event in got} == {story.account}
        assert {event.ip for event in got} == {"127.0.0.1"}

    async def test_says_how_far_back_the_realm_remembers(self, source: KeycloakEvents, story: Story) -> None:
        (page, *_) = await read(source, story.account, Span(0, story.span.until_us))
        assert page.covers is not None and 0 < page.covers.since_us <= story.span.until_us
        assert not page.partial

    async def test_a_realm_that_keeps_nothing_is_not_taken_for_a_quiet_account(
        self, keycloak: Keycloak, source: KeycloakEvents, story: Story
    ) -> None:
        for settings, why in (
            ({"eventsEnabled": False}, "keeps no events"),
            ({"enabledEventTypes": ["LOGIN", "LOGOUT"]}, "does not keep LOGIN_ERROR"),
        ):
            with keycloak.settings(**settings):
                pages = await read(source, story.account, story.span)
            assert all(page.partial and why in page.why for page in pages)


class TestSignInsInSmallSteps(TestSignIns):
    """The same in windows of a fifth of a second and requests of three rows: more than fit the overlap."""

    @pytest.fixture
    async def source(self, keycloak: Keycloak, surroundings: Surroundings) -> AsyncIterator[KeycloakEvents]:
        realm = as_client(keycloak, keycloak.reader, surroundings)
        source = sign_ins(realm, window_ms=200, rows=3)
        yield source
        await source.aclose()


class TestAdminActs(EventSourceContract):
    @pytest.fixture
    def story(self, keycloak: Keycloak) -> Story:
        began = now_us()
        user = keycloak.create_user()
        keycloak.lock_out(user)
        keycloak.admin.delete(f"/attack-detection/brute-force/users/{user.id}").raise_for_status()
        keycloak.change(user, enabled=False)
        keycloak.admin.post(f"/users/{user.id}/logout").raise_for_status()
        keycloak.admin.delete(f"/users/{user.id}/credentials/{user.factor}").raise_for_status()
        rows = keycloak.admin.get("/admin-events", params={"resourcePath": f"*{user.id}*", "max": 100}).json()
        assert len(rows) == 5
        return story(user, rows, began)

    @pytest.fixture
    async def source(self, keycloak: Keycloak, surroundings: Surroundings) -> AsyncIterator[KeycloakEvents]:
        source = admin_acts(as_client(keycloak, keycloak.reader, surroundings), window_ms=500, rows=3)
        yield source
        await source.aclose()

    async def test_names_what_was_done_and_to_whom(self, source: KeycloakEvents, story: Story) -> None:
        got = events(await read(source, story.account, story.span))
        assert {event.account for event in got} == {story.account}
        assert "account.unlocked" in [event.action for event in got]
        assert all(event.actor and event.actor != story.account for event in got)

    async def test_a_realm_that_keeps_nothing_says_so(
        self, keycloak: Keycloak, source: KeycloakEvents, story: Story
    ) -> None:
        with keycloak.settings(adminEventsEnabled=False):
            pages = await read(source, story.account, story.span)
        assert all(page.partial and "Admin API" in page.why for page in pages)
