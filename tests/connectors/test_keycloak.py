"""Keycloak's connectors without Keycloak: what a real one does seldom, or cannot be made to do on demand."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from tests.contracts.event_source import events, read
from workstation.services.accounts.model import Account, LockKind, Status
from workstation.services.acts.control import Act, Sent
from workstation.services.clock import FrozenClock, to_micros
from workstation.services.connectors.endpoint import Endpoint
from workstation.services.connectors.keycloak import contacts
from workstation.services.connectors.keycloak.accounts import KeycloakAccounts, account_of, locks_of
from workstation.services.connectors.keycloak.client import KeycloakRealm
from workstation.services.connectors.keycloak.contacts import History
from workstation.services.connectors.keycloak.control import KeycloakControl, tells_of
from workstation.services.connectors.keycloak.events import TYPES, KeycloakEvents, admin_acts, sign_ins
from workstation.services.connectors.keycloak.shapes import (
    AdminEvent,
    BruteForce,
    Credential,
    User,
    UserEvent,
    at,
    lock_ends,
)
from workstation.services.connectors.keycloak.snapshot import Snapshot, names_user
from workstation.services.errors import Invalid, SourceDenied, SourceGarbled
from workstation.services.timeline.source import Span

from .wire import NOON, Pauses, surroundings

ALICE = "a11ce000-0000-4000-8000-000000000001"
NOON_MS = to_micros(NOON) // 1000
TOKEN = "/realms/exchange/protocol/openid-connect/token"
Handler = Callable[[httpx.Request], httpx.Response]


def realm(handler: Handler, pauses: Pauses | None = None) -> KeycloakRealm:
    endpoint = Endpoint(name="Keycloak", url="https://id.example.test")
    return KeycloakRealm(endpoint, "exchange", "reader", "s3cret", surroundings(handler, pauses))


def with_token(handler: Handler) -> Handler:
    """Answer the token's endpoint, and everything else by `handler`."""

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path == TOKEN:
            return httpx.Response(200, json={"access_token": "h.e30.s", "expires_in": 300, "token_type": "Bearer"})
        return handler(request)

    return serve


class TestToken:
    def server(self, seen: list[httpx.Request], refuse: int = 0) -> Handler:
        def serve(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            tokens = sum(one.url.path == TOKEN for one in seen)
            if request.url.path == TOKEN:
                body = {"access_token": f"t{tokens}", "expires_in": 300, "token_type": "Bearer"}
                return httpx.Response(200, json=body)
            return httpx.Response(401, json={}) if tokens <= refuse else httpx.Response(200, json={})

        return serve

    async def ask(self, one: KeycloakRealm, times: int = 1) -> None:
        for _ in range(times):
            await one.http.get(one.user(ALICE), dict[str, Any])

    async def test_is_fetched_once_and_again_before_it_ends(self) -> None:
        seen: list[httpx.Request] = []
        one = realm(self.server(seen))
        clock = one.http.surroundings.clock
        assert isinstance(clock, FrozenClock)
        await self.ask(one, 3)
        clock.move(timedelta(seconds=269))
        await self.ask(one)
        assert [request.url.path == TOKEN for request in seen] == [True, False, False, False, False]
        clock.move(timedelta(seconds=1))
        await self.ask(one)
        assert seen[-1].headers["authorization"] == "Bearer t2"

    async def test_is_sent_as_a_form_and_without_a_credential(self) -> None:
        seen: list[httpx.Request] = []
        await self.ask(realm(self.server(seen)))
        assert seen[0].content == b"grant_type=client_credentials&client_id=reader&client_secret=s3cret"
        assert "authorization" not in seen[0].headers

    async def test_that_was_ended_is_replaced_once(self) -> None:
        seen: list[httpx.Request] = []
        await self.ask(realm(self.server(seen, refuse=1)))
        assert [request.url.path == TOKEN for request in seen] == [True, False, True, False]
        seen.clear()
        with pytest.raises(SourceDenied):
            await self.ask(realm(self.server(seen, refuse=9)))
        assert len(seen) == 4

    @pytest.mark.parametrize(
        "body",
        [
            {"access_token": "", "expires_in": 300, "token_type": "Bearer"},
            {"access_token": "x", "expires_in": 300, "token_type": "DPoP"},
            {"access_token": "x", "token_type": "Bearer"},
            {"error": "invalid_client"},
        ],
    )
    async def test_that_cannot_be_used_is_garbled(self, body: dict[str, Any]) -> None:
        with pytest.raises(SourceGarbled):
            await self.ask(realm(lambda request: httpx.Response(200, json=body)))

    @pytest.mark.parametrize("token", ["opaque", "a.!!.c", "a.e30.c", "a.W10.c"])
    async def test_that_names_nobody_is_garbled(self, token: str) -> None:
        body = {"access_token": token, "expires_in": 300, "token_type": "Bearer"}
        with pytest.raises(SourceGarbled):
            await realm(lambda request: httpx.Response(200, json=body)).credential.subject()

    async def test_a_refused_secret_is_not_repeated(self) -> None:
        refused = {"error": "unauthorized_client", "error_description": "Invalid client s3cret"}
        with pytest.raises(SourceDenied) as caught:
            await self.ask(realm(lambda request: httpx.Response(401, json=refused)))
        assert "s3cret" not in caught.value.sentence()


class TestPaths:
    def test_ids_cannot_leave_their_place(self) -> None:
        one = realm(lambda request: httpx.Response(200))
        assert one.user("a/b", "c?d") == "/admin/realms/exchange/users/a%2Fb/c%3Fd"
        assert one.brute_force("x y").endswith("/attack-detection/brute-force/users/x%20y")
        for hostile in ("", ".."):
            with pytest.raises(Invalid):
                one.user(hostile)

    def test_a_path_names_a_user_only_as_a_whole(self) -> None:
        assert names_user(f"users/{ALICE}", ALICE)
        assert names_user(f"attack-detection/brute-force/users/{ALICE}", ALICE)
        assert not any(
            names_user(path, ALICE) for path in (f"users/{ALICE}0", f"groups/{ALICE}", f"x/users{ALICE}", "")
        )


def snapshot(**changes: Any) -> Snapshot:
    user = User(id=ALICE, enabled=True, username="alice", created_timestamp=NOON_MS)
    whole: dict[str, Any] = {
        "user": user,
        "user_facts": {"id": ALICE, "enabled": True, "access": {"view": True}, "requiredActions": ["A", "B"]},
        "credentials": [],
        "credential_facts": [{"id": "c1", "type": "otp"}, {"id": "c2", "type": "password"}],
        "brute_force": BruteForce(disabled=False),
        "brute_force_facts": {"disabled": False},
        "sessions": [],
        "offline": [],
        "newest": [],
    }
    return Snapshot(**whole | changes)


class TestVersion:
    def test_is_the_same_in_any_order_and_for_any_asker(self) -> None:
        other = {"requiredActions": ["B", "A"], "access": {"view": False}, "enabled": True, "id": ALICE}
        turned = snapshot(user_facts=other, credential_facts=[*reversed(snapshot().credential_facts)])
        assert turned.etag == snapshot().etag and len(snapshot().etag) == 64

    def test_every_fact_is_in_it(self) -> None:
        event = AdminEvent(id="e", time=1)
        versions = {
            snapshot().etag,
            snapshot(user_facts={"id": ALICE, "enabled": False}).etag,
            snapshot(credential_facts=[]).etag,
            snapshot(brute_force_facts={"disabled": True}).etag,
            snapshot(newest=[event]).etag,
            snapshot(newest=[event, AdminEvent(id="f", time=1)]).etag,
        }
        assert len(versions) == 6


class TestLocks:
    def test_both_switches_are_looked_at(self) -> None:
        user = User(id=ALICE, enabled=False, username="alice", attributes={"disabledReason": ["permanentLockout"]})
        brute = BruteForce(disabled=True, num_failures=3, failed_login_not_before=NOON_MS // 1000, last_failure=NOON_MS)
        locks = locks_of(snapshot(user=user, brute_force=brute))
        assert [(lock.id, lock.kind, lock.until) for lock in locks] == [
            ("brute-force", LockKind.FAILED_SIGN_INS, NOON),
            ("disabled", LockKind.FAILED_SIGN_INS, None),
        ]

    def test_a_reason_that_is_not_the_lockouts_is_staffs(self) -> None:
        user = User(id=ALICE, enabled=False, username="alice", attributes={"disabledReason": ["fraud"]})
        (lock,) = locks_of(snapshot(user=user))
        assert lock.kind is LockKind.STAFF and lock.reason.startswith("fraud")

    def test_a_permanent_one_has_no_end_and_no_calendar_breaks(self) -> None:
        assert lock_ends(2**63 - 1) is None and lock_ends(0) is None
        assert lock_ends(NOON_MS // 1000) == NOON
        with pytest.raises(SourceGarbled):
            at(2**63 - 1)

    def test_unknown_factors_are_shown_as_they_are_called(self) -> None:
        facts = [{"id": "p", "type": "password"}, {"id": "o", "type": "otp"}, {"id": "x", "type": "smartcard"}]
        credentials = msgspec.convert(facts, list[Credential])
        account = account_of(snapshot(credentials=credentials), ())
        assert [(factor.id, factor.kind) for factor in account.factors] == [("o", "totp"), ("x", "smartcard")]


class TestContacts:
    OLD, NEW = "owner@example.test", "intruder@example.test"

    def user(self, email: str, verified: bool) -> User:
        created = NOON_MS - 40 * 86_400_000
        return User(
            id=ALICE, enabled=True, username="a", email=email, email_verified=verified, created_timestamp=created
        )

    def history(self, *own: UserEvent, admin: tuple[AdminEvent, ...] = (), reach: int | None = 30) -> History:
        days = None if reach is None else NOON_MS - reach * 86_400_000
        return History(reach=days, own=list(own), admin=list(admin))

    def changed(self, hours: int, before: str, after: str) -> UserEvent:
        details = {"previous_email": before, "updated_email": after}
        return UserEvent(id=f"c{hours}", time=NOON_MS - hours * 3_600_000, type="UPDATE_PROFILE", details=details)

    def verified(self, hours: int, email: str) -> UserEvent:
        return UserEvent(
            id=f"v{hours}", time=NOON_MS - hours * 3_600_000, type="VERIFY_EMAIL", details={"email": email}
        )

    def on_record(self, user: User, history: History, hours: float = 24, **options: bool) -> str | None:
        found = contacts.build(user, history, **options)
        account = Account(id=ALICE, etag="e", status=Status.ACTIVE, contacts=found)
        contact = account.address_on_record(NOON - timedelta(hours=hours))
        return contact and contact.value

    def test_one_that_stood_there_marked_is_known_as_far_back_as_the_realm_remembers(self) -> None:
        (contact,) = contacts.build(self.user(self.OLD, True), self.history())
        assert contact.verified_at == NOON - timedelta(days=30)

    def test_a_realm_without_a_memory_knows_nothing(self) -> None:
        assert self.on_record(self.user(self.OLD, True), self.history(reach=None)) is None

    def test_without_the_mark_nothing_is_known(self) -> None:
        assert self.on_record(self.user(self.OLD, False), self.history()) is None

    def test_its_own_verification_counts_from_then_on(self) -> None:
        history = self.history(self.verified(30, self.OLD))
        assert self.on_record(self.user(self.OLD, True), history, hours=24) == self.OLD
        assert self.on_record(self.user(self.OLD, True), history, hours=31) is None

    def test_after_a_takeover_the_owners_address_is_replied_to_where_the_realm_verifies(self) -> None:
        history = self.history(self.changed(5, self.OLD, self.NEW), self.verified(4, self.NEW))
        user = self.user(self.NEW, True)
        assert self.on_record(user, history, hours=6, verifies_email=True) == self.OLD
        assert self.on_record(user, history, hours=6) is None
        assert self.on_record(user, history, hours=3) == self.NEW

    def test_two_changes_in_a_row_hide_nothing(self) -> None:
        history = self.history(self.changed(5, self.OLD, self.NEW), self.changed(4, self.NEW, "third@example.test"))
        found = contacts.build(self.user("third@example.test", False), history, verifies_email=True)
        assert [contact.value for contact in found] == ["third@example.test", self.NEW, self.OLD]
        assert [contact.verified_at is not None for contact in found] == [False, False, True]

    def test_an_address_that_nobody_was_seen_setting_is_not_trusted(self) -> None:
        history = self.history(self.changed(5, self.OLD, self.NEW))
        found = contacts.build(self.user("other@example.test", True), history)
        assert (found[0].value, found[0].verified_at) == ("other@example.test", None)

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"email": 7}'])
    def test_an_admin_event_without_details_is_passed_over(self, text: str) -> None:
        event = AdminEvent(id="e", time=NOON_MS, operation_type="UPDATE", representation=text)
        (contact,) = contacts.build(self.user(self.OLD, True), self.history(admin=(event,)))
        assert contact.verified_at is not None

    def test_an_admin_who_marks_it_vouches_from_then_on(self) -> None:
        said = json.dumps({"email": self.NEW.upper(), "emailVerified": True})
        event = AdminEvent(id="e", time=NOON_MS - 3_600_000, operation_type="UPDATE", representation=said)
        found = contacts.build(self.user(self.NEW, True), self.history(admin=(event,)))
        assert found[0].verified_at == NOON - timedelta(hours=1)


class Log:
    """A log that answers as Keycloak does: a window, ascending, at most `max`; ties in any order."""

    def __init__(self, rows: list[dict[str, Any]], config: dict[str, Any] | None = None) -> None:
        self.rows = rows
        self.config = config or {
            "eventsEnabled": True,
            "adminEventsEnabled": True,
            "enabledEventTypes": [*TYPES, "OTHER"],
        }
        self.asked: list[dict[str, str]] = []
        self.late: dict[str, Any] | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/config"):
            return httpx.Response(200, json=self.config)
        query = dict(request.url.params)
        assert query["direction"] == "asc"
        low, high = int(query.get("dateFrom", "0")), int(query.get("dateTo", str(2**62)))
        # Ties turn round from one request to the next.
        ties = 1 if len(self.asked) % 2 else -1
        self.asked.append(query)
        rows = sorted(
            (row for row in self.rows if not isinstance(row.get("time"), int) or low <= row["time"] <= high),
            key=lambda row: (row["time"] if isinstance(row.get("time"), int) else 2**61, ties * int(row.get("n", 0))),
        )
        if self.late and len(self.asked) == 3:
            self.rows.append(self.late)
        return httpx.Response(200, json=rows[: int(query["max"])])


def row(number: int, time: int) -> dict[str, Any]:
    return {"id": f"e{number:04}", "n": number, "time": time, "type": "LOGIN", "userId": ALICE}


SPAN = Span((NOON_MS - 60_000) * 1000, (NOON_MS + 1) * 1000)


def source(log: Log, **options: int) -> KeycloakEvents:
    return sign_ins(realm(with_token(log)), **options)


class TestEvents:
    async def test_more_rows_of_one_moment_than_a_request_holds_are_all_found(self) -> None:
        log = Log([row(n, NOON_MS - 10_000 + n // 40) for n in range(120)])
        got = events(await read(source(log, rows=50), ALICE, SPAN))
        assert len(got) == len({event.id for event in got}) == 120

    async def test_requests_overlap_by_two_seconds(self) -> None:
        log = Log([row(n, NOON_MS - 50_000 + n * 100) for n in range(400)])
        got = events(await read(source(log, rows=50), ALICE, SPAN))
        assert len(got) == len({event.id for event in got}) == 400
        starts = [int(query["dateFrom"]) for query in log.asked if "dateFrom" in query]
        assert starts[1] == NOON_MS - 50_000 + 49 * 100 - 2_000

    async def test_what_appears_late_below_what_was_seen_is_found(self) -> None:
        log = Log([row(n, NOON_MS - 50_000 + n * 100) for n in range(120)])
        log.late = row(9_999, NOON_MS - 50_000 + 95 * 100 - 50)
        got = events(await read(source(log, rows=50), ALICE, SPAN))
        assert "e9999" in {event.id for event in got} and len(got) == 121

    async def test_a_quiet_account_takes_few_requests(self) -> None:
        log = Log([row(1, NOON_MS - 80 * 86_400_000)])
        span = Span((NOON_MS - 90 * 86_400_000) * 1000, NOON_MS * 1000)
        pages = await read(source(log), ALICE, span)
        assert len(events(pages)) == 1
        assert len(log.asked) == 1 + len(pages) == 5

    async def test_rows_that_are_none_are_counted_and_the_rest_is_shown(self) -> None:
        log = Log([row(1, NOON_MS - 1_000), {"time": "x", "id": "y"}, {"n": 3}])
        (page,) = await read(source(log), ALICE, SPAN)
        assert [event.id for event in page.events] == ["e0001"]
        assert page.partial and "2 records" in page.why

    async def test_rows_of_others_are_left_out(self) -> None:
        log = Log([{**row(1, NOON_MS), "userId": "b0b"}, row(2, NOON_MS)])
        assert [event.id for event in events(await read(source(log), ALICE, SPAN))] == ["e0002"]

    async def test_an_act_that_is_told_twice_in_one_moment_is_one(self) -> None:
        def told(number: int, time: int, kind: str, **details: str) -> dict[str, Any]:
            return {**row(number, time), "type": kind, "sessionId": "s", "details": details}

        at = NOON_MS - 1_000
        log = Log(
            [
                told(1, at, "UPDATE_TOTP"),
                told(2, at, "UPDATE_CREDENTIAL", credential_type="otp"),
                told(3, at + 1, "UPDATE_TOTP"),
                told(4, at + 2, "UPDATE_PASSWORD"),
                told(5, at + 2, "UPDATE_CREDENTIAL", credential_type="otp"),
                {**told(6, at + 3, "REMOVE_TOTP"), "sessionId": ["odd"]},
                {**told(7, at + 3, "REMOVE_CREDENTIAL", credential_type="otp"), "sessionId": "another"},
            ]
        )
        got = events(await read(source(log), ALICE, SPAN))
        assert [event.id for event in reversed(got)] == ["e0002", "e0003", "e0004", "e0005", "e0006", "e0007"]

    async def test_an_empty_log_vouches_for_nothing(self) -> None:
        (page,) = await read(source(Log([])), ALICE, SPAN)
        assert page.covers is None

    @pytest.mark.parametrize("cursor", ["x", "-1", "1e3", "٣", "1;drop"])
    async def test_a_cursor_of_somebody_else_is_refused(self, cursor: str) -> None:
        with pytest.raises(Invalid):
            await read(source(Log([])), ALICE, SPAN, cursor)

    async def test_admin_events_are_those_of_exactly_this_user(self) -> None:
        def admin(number: int, path: str) -> dict[str, Any]:
            return {"id": f"a{number}", "time": NOON_MS, "operationType": "UPDATE", "resourcePath": path}

        log = Log([admin(1, f"users/{ALICE}"), admin(2, f"groups/{ALICE}"), admin(3, f"users/x/role/{ALICE}")])
        got = events(await read(admin_acts(realm(with_token(log))), ALICE, SPAN))
        assert [event.id for event in got] == ["a1"]
        assert log.asked[-1]["resourcePath"] == f"*{ALICE}*"


class TestControl:
    def control(self, handler: Handler) -> KeycloakControl:
        return KeycloakControl(realm(handler), KeycloakAccounts(realm(handler)))

    async def plan(self, act: Act, params: dict[str, Any] | None = None) -> list[tuple[str, str]]:
        token = {"client": "c1", "key": "Offline Token"}
        consents = [{"clientId": "app/1", "additionalGrants": [token]}, {"clientId": "web", "additionalGrants": []}]
        control = self.control(with_token(lambda request: httpx.Response(200, json=consents)))
        steps = await control._steps(ALICE, act, params or {})
        return [(step.method, step.path.removeprefix("/admin/realms/exchange")) for step in steps]

    async def test_sessions_end_before_the_account_opens(self) -> None:
        assert await self.plan(Act.UNLOCK, {"end_sessions": True}) == [
            ("POST", f"/users/{ALICE}/logout"),
            ("DELETE", f"/users/{ALICE}/consents/app%2F1"),
            ("PUT", f"/users/{ALICE}"),
            ("DELETE", f"/attack-detection/brute-force/users/{ALICE}"),
        ]

    async def test_without_being_asked_no_session_is_touched(self) -> None:
        assert [method for method, _ in await self.plan(Act.UNLOCK)] == ["PUT", "DELETE"]

    @pytest.mark.parametrize("params", [{}, {"factor": ""}, {"factor": 7}, {"factor": ".."}])
    async def test_a_factor_has_to_be_named(self, params: dict[str, Any]) -> None:
        with pytest.raises(Invalid):
            await self.plan(Act.REMOVE_FACTOR, params)

    async def test_the_clients_own_lock_is_not_even_asked_about(self) -> None:
        def server(request: httpx.Request) -> httpx.Response:
            raise AssertionError

        with pytest.raises(SourceDenied):
            await self.control(server).execute("k", ALICE, Act.REMOVE_CLIENT_LOCK, {}, "e")

    @pytest.mark.parametrize(
        ("act", "path", "said", "tells"),
        [
            (Act.LOCK, f"users/{ALICE}", '{"enabled": false}', True),
            (Act.LOCK, f"users/{ALICE}", '{"enabled":true}', False),
            (Act.LOCK, f"users/{ALICE}", "", False),
            (Act.UNLOCK, f"users/{ALICE}", '{"enabled":true}', True),
            (Act.UNLOCK, f"attack-detection/brute-force/users/{ALICE}", "", True),
            (Act.END_SESSIONS, f"users/{ALICE}/logout", "", True),
            (Act.REMOVE_FACTOR, f"users/{ALICE}/credentials/f1", "", True),
            (Act.REMOVE_FACTOR, f"users/{ALICE}/credentials/f2", "", False),
            (Act.SEND_PASSWORD_RESET, f"users/{ALICE}/execute-actions-email", "", True),
            (Act.LIFT_HOLD, f"users/{ALICE}", "", False),
        ],
    )
    def test_each_act_is_told_by_its_own_event(self, act: Act, path: str, said: str, tells: bool) -> None:
        event = AdminEvent(id="e", time=1, resource_path=path, representation=said)
        assert tells_of(event, ALICE, act, {"factor": "f1"}) is tells

    async def test_a_lost_answer_is_given_time_to_settle(self) -> None:
        pauses = Pauses()

        def server(request: httpx.Request) -> httpx.Response:
            path = request.url.path
            if path == TOKEN:
                body = {"access_token": "h.eyJzdWIiOiJ3In0.s", "expires_in": 300, "token_type": "Bearer"}
                return httpx.Response(200, json=body)
            if path.endswith(f"/users/{ALICE}") and "brute" not in path:
                return httpx.Response(200, json={"id": ALICE, "enabled": True, "username": "alice"})
            return httpx.Response(200, json={"disabled": False} if "brute" in path else [])

        control = KeycloakControl(realm(server), KeycloakAccounts(realm(server, pauses)))
        found = await control.reconcile("k", ALICE, Act.LOCK, {})
        assert (found.sent, pauses) == (Sent.NEVER_ARRIVED, [1.5])
