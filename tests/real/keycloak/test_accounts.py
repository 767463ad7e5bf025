"""Reading accounts of a real Keycloak."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contracts.accounts import AccountsContract, Somebody
from workstation.services.accounts.model import LockKind, Status
from workstation.services.clock import SystemClock
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.keycloak.accounts import KeycloakAccounts
from workstation.services.errors import SourceDenied

from ..conftest import as_client
from .client import Keycloak, KeycloakUser

pytestmark = pytest.mark.real


class TestKeycloakAccounts(AccountsContract):
    @pytest.fixture
    def reader(self, accounts: KeycloakAccounts) -> KeycloakAccounts:
        return accounts

    @pytest.fixture
    def somebody(self, user: KeycloakUser) -> Somebody:
        return Somebody(id=user.id, username=user.username, email=user.email, factors=frozenset({user.factor}))


class TestWhatAnAccountShows:
    async def test_who_it_is(self, accounts: KeycloakAccounts, user: KeycloakUser) -> None:
        account = await accounts.read(user.id)
        assert (account.name, account.status, account.locks) == ("Test Client", Status.ACTIVE, ())
        (factor,) = account.factors
        assert (factor.id, factor.kind, factor.label) == (user.factor, "totp", "phone")

    async def test_a_lock_by_failed_sign_ins_that_the_user_itself_hides(
        self, keycloak: Keycloak, accounts: KeycloakAccounts, user: KeycloakUser
    ) -> None:
        keycloak.lock_out(user)
        assert keycloak.user(user)["enabled"] is True
        assert keycloak.login_as(user).error == "Invalid user credentials"
        account = await accounts.read(user.id)
        (lock,) = account.locks
        assert account.status is Status.LOCKED
        assert lock.kind is LockKind.FAILED_SIGN_INS
        assert lock.until is not None and timedelta(minutes=5) < lock.until - lock.set_at < timedelta(minutes=15)

    async def test_wrong_codes_lock_too(
        self, keycloak: Keycloak, accounts: KeycloakAccounts, user: KeycloakUser
    ) -> None:
        keycloak.until(
            lambda: (
                not keycloak.login(user.username, user.password, "000000").ok and keycloak.brute_force(user)["disabled"]
            )
        )
        assert (await accounts.read(user.id)).status is Status.LOCKED

    async def test_a_permanent_lockout_is_told_from_staff(
        self, keycloak: Keycloak, accounts: KeycloakAccounts, user: KeycloakUser
    ) -> None:
        with keycloak.settings(permanentLockout=True, maxTemporaryLockouts=0):
            keycloak.lock_out(user)
        keycloak.until(lambda: not keycloak.user(user)["enabled"])
        disabled = [lock for lock in (await accounts.read(user.id)).locks if lock.id == "disabled"]
        assert [lock.kind for lock in disabled] == [LockKind.FAILED_SIGN_INS]

    async def test_staffs_lock_knows_its_time(
        self, keycloak: Keycloak, accounts: KeycloakAccounts, user: KeycloakUser
    ) -> None:
        before = SystemClock().now() - timedelta(seconds=2)
        keycloak.change(user, enabled=False)
        (lock,) = (await accounts.read(user.id)).locks
        assert lock.kind is LockKind.STAFF and lock.set_at >= before

    async def test_sessions_of_browsers_and_of_offline_tokens(
        self, keycloak: Keycloak, accounts: KeycloakAccounts, user: KeycloakUser
    ) -> None:
        assert keycloak.login_as(user).ok and keycloak.login_as(user, offline=True).ok
        sessions = (await accounts.read(user.id)).sessions
        assert sorted(session.device for session in sessions) == ["", "offline token"]
        assert {session.ip for session in sessions} == {"127.0.0.1"}


class TestVersion:
    async def test_everything_that_decides_moves_it(
        self, keycloak: Keycloak, accounts: KeycloakAccounts, user: KeycloakUser
    ) -> None:
        versions = [(await accounts.read(user.id)).etag]
        for change in (
            lambda: keycloak.login_as(user),
            lambda: keycloak.login_as(user, offline=True),
            lambda: keycloak.lock_out(user),
            lambda: keycloak.change(user, enabled=False),
            lambda: keycloak.admin.delete(f"/users/{user.id}/credentials/{user.factor}"),
            lambda: keycloak.admin.delete(f"/attack-detection/brute-force/users/{user.id}"),
        ):
            change()
            versions.append((await accounts.read(user.id)).etag)
        assert len(set(versions)) == len(versions)

    async def test_both_clients_see_the_same_but_for_their_rights(
        self, keycloak: Keycloak, user: KeycloakUser, surroundings: Surroundings
    ) -> None:
        reader, writer = (as_client(keycloak, who, surroundings) for who in (keycloak.reader, keycloak.writer))
        mine = await reader.http.get(reader.user(user.id), dict[str, object])
        theirs = await writer.http.get(writer.user(user.id), dict[str, object])
        assert mine.pop("access") != theirs.pop("access")
        assert mine == theirs
        await reader.aclose()
        await writer.aclose()


class TestLeastRights:
    async def test_the_reader_may_change_nothing(
        self, keycloak: Keycloak, user: KeycloakUser, surroundings: Surroundings
    ) -> None:
        realm = as_client(keycloak, keycloak.reader, surroundings)
        for method, path, body in (
            ("PUT", realm.user(user.id), {"enabled": False}),
            ("DELETE", realm.brute_force(user.id), None),
            ("POST", realm.user(user.id, "logout"), None),
            ("DELETE", realm.user(user.id, "credentials", user.factor), None),
            ("PUT", realm.user(user.id, "execute-actions-email"), ["UPDATE_PASSWORD"]),
        ):
            with pytest.raises(SourceDenied):
                await realm.http.send(method, path, json=body)
        await realm.aclose()

    async def test_the_writer_may_not_see_events(self, keycloak: Keycloak, surroundings: Surroundings) -> None:
        realm = as_client(keycloak, keycloak.writer, surroundings)
        with pytest.raises(SourceDenied):
            await realm.http.get(realm.path("events"), list[object])
        await realm.aclose()


class TestTokens:
    async def test_one_token_serves_many_calls(
        self, keycloak: Keycloak, accounts: KeycloakAccounts, user: KeycloakUser
    ) -> None:
        await accounts.read(user.id)
        me = await accounts.realm.credential.subject()
        count = lambda: len(keycloak.admin.get("/events", params={"user": me, "max": 1000}).json())  # noqa: E731
        before = count()
        for _ in range(3):
            await accounts.read(user.id)
        assert count() == before

    async def test_a_token_that_was_ended_is_replaced(
        self, keycloak: Keycloak, accounts: KeycloakAccounts, user: KeycloakUser
    ) -> None:
        await accounts.read(user.id)
        token = await accounts.realm.credential.header()
        # What was given out within the same second stays good, so it is said until it counts.
        keycloak.until(lambda: keycloak.admin.post("/logout-all").raise_for_status() and keycloak.refuses(token))
        assert (await accounts.read(user.id)).id == user.id

    async def test_a_wrong_secret_is_denied_in_words(self, keycloak: Keycloak, surroundings: Surroundings) -> None:
        reader = KeycloakAccounts(as_client(keycloak, (keycloak.reader[0], "wrong"), surroundings))
        with pytest.raises(SourceDenied) as caught:
            await reader.find("somebody")
        assert "wrong" not in caught.value.sentence()
        await reader.aclose()


class TestContacts:
    async def test_the_address_stood_there_since_the_account_began(
        self, accounts: KeycloakAccounts, user: KeycloakUser
    ) -> None:
        account = await accounts.read(user.id)
        (contact,) = account.contacts
        assert contact.value == user.email and contact.verified_at is not None
        assert account.address_on_record(SystemClock().now()) == contact

    async def test_one_that_was_never_verified_is_nobodys(self, keycloak: Keycloak, accounts: KeycloakAccounts) -> None:
        account = await accounts.read(keycloak.create_user(otp=False, verified=False).id)
        assert account.address_on_record(SystemClock().now()) is None

    async def test_an_intruders_address_is_not_replied_to_and_the_owners_is_kept(
        self, keycloak: Keycloak, accounts: KeycloakAccounts, user: KeycloakUser
    ) -> None:
        keycloak.change_own_email(user, f"intruder-{user.email}")
        assert keycloak.user(user)["emailVerified"] is False
        now, before = (await accounts.read(user.id)).contacts
        assert (now.value, now.verified_at) == (f"intruder-{user.email}", None)
        assert (before.value, before.replaced_at is not None) == (user.email, True)
        assert before.verified_at is not None  # the realm still remembers how the account was made

    async def test_the_mark_that_stays_after_an_admins_change_vouches_for_nothing(
        self, keycloak: Keycloak, accounts: KeycloakAccounts, user: KeycloakUser
    ) -> None:
        keycloak.change(user, email=f"new-{user.email}")
        assert keycloak.user(user)["emailVerified"] is True
        now, before = (await accounts.read(user.id)).contacts
        assert (now.value, now.verified_at, before.value) == (f"new-{user.email}", None, user.email)
