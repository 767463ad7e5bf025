"""Changing accounts in a real Keycloak, and every trap that concerns these acts."""

from __future__ import annotations

import asyncio
import random
import socketserver
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest

from tests.contracts.control import ControlContract, Patient, act, new_key
from workstation.services.accounts.model import Status
from workstation.services.acts.control import Act, Receipt, Sent
from workstation.services.clock import SystemClock
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.keycloak.accounts import KeycloakAccounts
from workstation.services.connectors.keycloak.control import KeycloakControl
from workstation.services.errors import Invalid, SourceChanged, SourceDenied, SourceDown, SourceError

from ..conftest import as_client
from .client import Keycloak, KeycloakUser, code, otp_credential

pytestmark = pytest.mark.real


class TestKeycloakControl(ControlContract):
    @pytest.fixture
    def patient(self, keycloak: Keycloak, user: KeycloakUser) -> Patient:
        assert keycloak.login_as(user).ok and keycloak.login_as(user, offline=True).ok
        return Patient(id=user.id, factor=user.factor)


class TestUnlock:
    async def test_clears_a_lock_by_failed_sign_ins(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        keycloak.lock_out(user)
        assert not keycloak.login_as(user).ok
        done = await act(control, user.id, Act.UNLOCK)
        assert done.sent is Sent.DONE and done.reference
        assert keycloak.login_as(user).ok

    async def test_lifts_a_permanent_lockout_which_clearing_alone_does_not(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        with keycloak.settings(permanentLockout=True, maxTemporaryLockouts=0):
            keycloak.lock_out(user)
            keycloak.until(lambda: not keycloak.user(user)["enabled"])
            keycloak.admin.delete(f"/attack-detection/brute-force/users/{user.id}").raise_for_status()
            assert keycloak.user(user)["enabled"] is False
            await act(control, user.id, Act.UNLOCK)
        after = keycloak.user(user)
        assert after["enabled"] is True and "disabledReason" not in after["attributes"]
        assert keycloak.login_as(user).ok

    async def test_revives_no_session_when_they_are_ended_first(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        intruder, hidden = keycloak.login_as(user), keycloak.login_as(user, offline=True)
        await act(control, user.id, Act.LOCK)
        assert not keycloak.refresh(intruder).ok and not keycloak.refresh(hidden).ok
        done = await act(control, user.id, Act.UNLOCK, {"end_sessions": True})
        assert done.sent is Sent.DONE
        assert not keycloak.refresh(intruder).ok and not keycloak.refresh(hidden).ok
        assert (await control.read(user.id)).sessions == ()

    async def test_without_that_the_old_refresh_token_works_again(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        intruder = keycloak.login_as(user)
        await act(control, user.id, Act.LOCK)
        await act(control, user.id, Act.UNLOCK)
        assert keycloak.refresh(intruder).ok

    async def test_of_an_account_that_is_not_locked_changes_nothing(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        assert (await act(control, user.id, Act.UNLOCK)).sent is Sent.DONE
        assert keycloak.login_as(user).ok


class TestLock:
    async def test_keeps_name_address_and_attributes(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        before = keycloak.user(user)
        await act(control, user.id, Act.LOCK)
        await act(control, user.id, Act.UNLOCK)
        assert keycloak.user(user) == before
        # What it guards against: the same change with attributes beside it erases them.
        keycloak.change(user, enabled=True, attributes=before["attributes"])
        assert "email" not in keycloak.user(user)

    async def test_refuses_the_right_password(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        await act(control, user.id, Act.LOCK)
        assert keycloak.login_as(user).error == "Account disabled"

    async def test_a_lock_that_ends_by_itself_does_not_stand_for_it(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        keycloak.lock_out(user)
        found = await control.reconcile(new_key(), user.id, Act.LOCK, {})
        assert found.sent is Sent.NEVER_ARRIVED
        await act(control, user.id, Act.LOCK)
        assert keycloak.user(user)["enabled"] is False


class TestSessions:
    async def test_a_plain_logout_leaves_what_we_end(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        keycloak.login_as(user, offline=True)
        keycloak.admin.post(f"/users/{user.id}/logout").raise_for_status()
        before = await control.read(user.id)
        assert [session.device for session in before.sessions] == ["offline token"]
        await act(control, user.id, Act.END_SESSIONS)
        assert (await control.read(user.id)).sessions == ()


class TestFactor:
    async def test_lost_second_factor_fails_before_and_the_password_alone_after(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        assert not keycloak.login(user.username, user.password).ok
        assert keycloak.login(user.username, user.password, code(user.otp)).ok
        done = await act(control, user.id, Act.REMOVE_FACTOR, {"factor": user.factor})
        assert done.reference
        assert keycloak.login(user.username, user.password).ok

    async def test_one_that_somebody_removed_meanwhile_is_done(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        gone = f"/users/{user.id}/credentials/{user.factor}"
        steps = await control._steps(user.id, Act.REMOVE_FACTOR, {"factor": user.factor})
        keycloak.admin.delete(gone).raise_for_status()
        assert keycloak.admin.delete(gone).status_code == 404
        await control._run(steps)

    async def test_of_somebody_else_is_refused(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        other = keycloak.create_user()
        with pytest.raises(Invalid):
            await act(control, user.id, Act.REMOVE_FACTOR, {"factor": other.factor})
        assert other.factor in [one["id"] for one in keycloak.credentials(other.id)]

    async def test_six_at_once_remove_it_once_and_all_find_out(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        keycloak.change(user, credentials=[otp_credential("tablet", "another-secret")])
        before, params = await control.read(user.id), {"factor": user.factor}

        async def one(key: str) -> Receipt:
            try:
                return await control.execute(key, user.id, Act.REMOVE_FACTOR, params, before.etag)
            except SourceChanged:
                raise
            except SourceError:
                return await control.reconcile(key, user.id, Act.REMOVE_FACTOR, params)

        got = await asyncio.gather(*(one(new_key()) for _ in range(6)), return_exceptions=True)
        assert any(isinstance(one, Receipt) and one.sent is Sent.DONE for one in got)
        assert all(
            isinstance(one, SourceChanged) or (isinstance(one, Receipt) and one.sent is Sent.DONE) for one in got
        )
        after = await control.read(user.id)
        assert {f.id for f in before.factors} - {f.id for f in after.factors} == {user.factor}


class TestMail:
    async def test_without_a_mail_server_nothing_was_done(self, control: KeycloakControl, user: KeycloakUser) -> None:
        with pytest.raises(Invalid, match="could not send"):
            await act(control, user.id, Act.SEND_PASSWORD_RESET)

    async def test_the_client_gets_a_link_and_the_act_a_reference(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser, smtp: Smtp
    ) -> None:
        key = new_key()
        settings = {"host": "127.0.0.1", "port": str(smtp.port), "from": "keycloak@example.test"}
        with keycloak.settings(smtpServer=settings):
            version = (await control.read(user.id)).etag
            done = await control.execute(key, user.id, Act.SEND_PASSWORD_RESET, {}, version)
            with pytest.raises(SourceChanged):
                await control.execute(key, user.id, Act.SEND_PASSWORD_RESET, {}, version)
        assert done.reference
        assert len(smtp.mails) == 1 and b"action-token" in smtp.mails[0] and user.email.encode() in smtp.mails[0]
        assert (await control.reconcile(key, user.id, Act.SEND_PASSWORD_RESET, {})).reference == done.reference
        # Of a key that this process never sent, a mail of ours proves nothing.
        assert (await control.reconcile(new_key(), user.id, Act.SEND_PASSWORD_RESET, {})).sent is Sent.UNKNOWN


class TestNotSupported:
    @pytest.mark.parametrize("what", [Act.FREEZE_WITHDRAWALS, Act.LIFT_HOLD])
    async def test_what_keycloak_has_no_notion_of(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser, what: Act
    ) -> None:
        before = keycloak.user(user)
        with pytest.raises(Invalid):
            await act(control, user.id, what, {"hold": "h"})
        assert keycloak.user(user) == before


class Losing(httpx.AsyncBaseTransport):
    """A wire on which the answer to a write is lost after the server has it, or the write itself before."""

    def __init__(self, delivered: bool) -> None:
        self.delivered = delivered
        self.real = httpx.AsyncHTTPTransport()
        self.lost = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        write = request.method != "GET" and "/admin/" in request.url.path
        if write and not self.delivered:
            self.lost += 1
            raise httpx.ConnectTimeout("lost", request=request)
        response = await self.real.handle_async_request(request)
        if write:
            self.lost += 1
            await response.aclose()
            raise httpx.ReadTimeout("lost", request=request)
        return response

    async def aclose(self) -> None:
        await self.real.aclose()


MakeControl = Callable[[bool], KeycloakControl]


class TestLostAnswers:
    @pytest.fixture
    async def losing(self, keycloak: Keycloak, accounts: KeycloakAccounts) -> AsyncIterator[MakeControl]:
        made: list[KeycloakControl] = []

        def make(delivered: bool) -> KeycloakControl:
            wire = Surroundings(clock=SystemClock(), rng=random.Random(7), transport=Losing(delivered))
            made.append(KeycloakControl(as_client(keycloak, keycloak.writer, wire), accounts))
            return made[-1]

        yield make
        for control in made:
            await control.aclose()

    @pytest.mark.parametrize("what", [Act.LOCK, Act.REMOVE_FACTOR, Act.END_SESSIONS])
    @pytest.mark.parametrize("delivered", [True, False])
    async def test_are_found_out_by_state_and_admin_event(
        self, keycloak: Keycloak, losing: MakeControl, user: KeycloakUser, what: Act, delivered: bool
    ) -> None:
        keycloak.login_as(user)
        control, key = losing(delivered), new_key()
        params = {"factor": user.factor} if what is Act.REMOVE_FACTOR else {}
        before = await control.read(user.id)
        with pytest.raises(SourceDown):
            await control.execute(key, user.id, what, params, before.etag)
        found = await control.reconcile(key, user.id, what, params)
        assert found.sent is (Sent.DONE if delivered else Sent.NEVER_ARRIVED)
        assert bool(found.reference) is delivered
        if not delivered:
            assert await control.read(user.id) == before

    async def test_an_act_that_was_done_and_undone_is_unknown(
        self, keycloak: Keycloak, losing: MakeControl, user: KeycloakUser
    ) -> None:
        control, key = losing(True), new_key()
        with pytest.raises(SourceDown):
            await control.execute(key, user.id, Act.LOCK, {}, (await control.read(user.id)).etag)
        keycloak.change(user, enabled=True)
        assert (await control.reconcile(key, user.id, Act.LOCK, {})).sent is Sent.UNKNOWN

    async def test_a_restarted_broker_knows_from_the_events_of_the_last_minutes(
        self, keycloak: Keycloak, losing: MakeControl, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        key = new_key()
        with pytest.raises(SourceDown):
            await losing(True).execute(key, user.id, Act.LOCK, {}, (await control.read(user.id)).etag)
        found = await control.reconcile(key, user.id, Act.LOCK, {})
        assert found.sent is Sent.DONE and found.reference

    async def test_the_same_deed_of_another_client_is_not_ours(
        self, keycloak: Keycloak, control: KeycloakControl, user: KeycloakUser
    ) -> None:
        keycloak.change(user, enabled=False)
        found = await control.reconcile(new_key(), user.id, Act.LOCK, {})
        assert (found.sent, found.reference) == (Sent.DONE, "")

    async def test_a_part_that_was_refused_after_another_was_done_is_not_nothing(
        self, keycloak: Keycloak, accounts: KeycloakAccounts, user: KeycloakUser
    ) -> None:
        class Refusing(Losing):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                if request.method == "DELETE":
                    return httpx.Response(403, stream=httpx.ByteStream(b""))
                return await self.real.handle_async_request(request)

        keycloak.login_as(user, offline=True)
        wire = Surroundings(clock=SystemClock(), rng=random.Random(7), transport=Refusing(True))
        control = KeycloakControl(as_client(keycloak, keycloak.writer, wire), accounts)
        with pytest.raises(SourceDown, match="Part of the act") as caught:
            await act(control, user.id, Act.END_SESSIONS)
        assert not isinstance(caught.value, SourceDenied)
        await control.aclose()


class TestNarrowRights:
    """The recommended set-up of the broker's client: a group's members only, nothing of the whole realm."""

    @pytest.fixture
    def group(self) -> str:
        # Of its own: a second permission on the same group has to agree with the first.
        return f"customers-{new_key()}"

    @pytest.fixture
    def narrow(self, keycloak: Keycloak, group: str) -> Iterator[tuple[str, str]]:
        with keycloak.settings(adminPermissionsEnabled=True):
            yield keycloak.narrow_client(group)

    async def test_may_do_our_acts_to_members_and_nothing_to_others(
        self,
        keycloak: Keycloak,
        accounts: KeycloakAccounts,
        surroundings: Surroundings,
        narrow: tuple[str, str],
        group: str,
    ) -> None:
        member, staff = keycloak.create_user("member"), keycloak.create_user("staff")
        keycloak.join(member, group)
        control = KeycloakControl(as_client(keycloak, narrow, surroundings), accounts)
        keycloak.lock_out(member)
        await act(control, member.id, Act.UNLOCK)
        assert keycloak.login_as(member).ok
        hidden = keycloak.login_as(member, offline=True)
        await act(control, member.id, Act.END_SESSIONS)
        assert not keycloak.refresh(hidden).ok
        await act(control, member.id, Act.REMOVE_FACTOR, {"factor": member.factor})
        await act(control, member.id, Act.LOCK)
        assert (await control.read(member.id)).status is Status.LOCKED
        with pytest.raises(SourceDenied):
            await act(control, staff.id, Act.LOCK)
        assert keycloak.user(staff)["enabled"] is True
        await control.aclose()


class Smtp(socketserver.ThreadingTCPServer):
    """A mail server that takes everything and keeps it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.port = self.server_address[1]
        self.mails: list[bytes] = []


class Talk(socketserver.StreamRequestHandler):
    """SMTP as far as a client that sends one mail needs it (RFC 5321)."""

    def handle(self) -> None:
        assert isinstance(self.server, Smtp)
        self.say(b"220 ready")
        for line in self.rfile:
            match line[:4].upper().strip():
                case b"DATA":
                    self.say(b"354 go on")
                    mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                    self.server.mails.append(mail.replace(b"=\r\n", b""))
                    self.say(b"250 kept")
                case b"QUIT":
                    self.say(b"221 bye")
                    return
                case _:
                    self.say(b"250 fine")

    def say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


@pytest.fixture
def smtp() -> Iterator[Smtp]:
    server = Smtp()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
