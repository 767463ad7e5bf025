"""What every AccountControl does."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
import pytest

from workstation.services.accounts.model import Status
from workstation.services.acts.control import AccountControl, Act, Receipt, Sent
from workstation.services.errors import Invalid, SourceChanged, SourceDenied, SourceError, SourceMissing


class Patient(msgspec.Struct, frozen=True, kw_only=True):
    """An account that may be acted on: active, with a factor and a live session."""

    id: str
    factor: str


def new_key() -> str:
    return str(uuid.uuid4())


async def act(control: AccountControl, account: str, what: Act, params: dict[str, Any] | None = None) -> Receipt:
    """Do `what` at the version that is there now."""
    return await control.execute(new_key(), account, what, params or {}, (await control.read(account)).etag)


class ControlContract:
    """Subclasses give the fixtures `control` and `patient`; every test gets a fresh patient."""

    async def test_lock_and_unlock_show_and_move_the_version(self, control: AccountControl, patient: Patient) -> None:
        before = await control.read(patient.id)
        assert before.status is Status.ACTIVE
        locked = await act(control, patient.id, Act.LOCK)
        after = await control.read(patient.id)
        assert locked.sent is Sent.DONE and locked.reference
        assert control.holds(after, Act.LOCK, {}) is True and control.holds(after, Act.UNLOCK, {}) is False
        assert before.etag != after.etag == locked.etag
        await act(control, patient.id, Act.UNLOCK)
        again = await control.read(patient.id)
        assert again.status is Status.ACTIVE and control.holds(again, Act.UNLOCK, {}) is True
        assert (again.contacts, again.factors, again.name) == (before.contacts, before.factors, before.name)

    async def test_ends_every_session(self, control: AccountControl, patient: Patient) -> None:
        before = await control.read(patient.id)
        assert before.sessions and control.holds(before, Act.END_SESSIONS, {}) is False
        await act(control, patient.id, Act.END_SESSIONS)
        after = await control.read(patient.id)
        assert after.sessions == () and control.holds(after, Act.END_SESSIONS, {}) is True

    async def test_removes_one_factor_and_no_other(self, control: AccountControl, patient: Patient) -> None:
        before = await control.read(patient.id)
        params = {"factor": patient.factor}
        assert control.holds(before, Act.REMOVE_FACTOR, params) is False
        await act(control, patient.id, Act.REMOVE_FACTOR, params)
        after = await control.read(patient.id)
        assert control.holds(after, Act.REMOVE_FACTOR, params) is True
        assert {f.id for f in before.factors} - {f.id for f in after.factors} == {patient.factor}

    async def test_a_factor_that_is_not_there_is_refused(self, control: AccountControl, patient: Patient) -> None:
        before = await control.read(patient.id)
        with pytest.raises((Invalid, SourceMissing)):
            await act(control, patient.id, Act.REMOVE_FACTOR, {"factor": "00000000-0000-4000-8000-000000000000"})
        assert await control.read(patient.id) == before

    async def test_another_version_than_was_approved_is_refused(
        self, control: AccountControl, patient: Patient
    ) -> None:
        approved = await control.read(patient.id)
        await act(control, patient.id, Act.END_SESSIONS)
        now = await control.read(patient.id)
        with pytest.raises(SourceChanged):
            await control.execute(new_key(), patient.id, Act.LOCK, {}, approved.etag)
        assert await control.read(patient.id) == now

    async def test_the_same_key_never_acts_twice(self, control: AccountControl, patient: Patient) -> None:
        key, approved = new_key(), await control.read(patient.id)
        first = await control.execute(key, patient.id, Act.LOCK, {}, approved.etag)
        await act(control, patient.id, Act.UNLOCK)
        try:
            assert await control.execute(key, patient.id, Act.LOCK, {}, approved.etag) == first
        except SourceChanged as error:
            assert error.what
        assert (await control.read(patient.id)).status is Status.ACTIVE

    async def test_reconcile_tells_what_was_done(self, control: AccountControl, patient: Patient) -> None:
        key, approved = new_key(), await control.read(patient.id)
        done = await control.execute(key, patient.id, Act.LOCK, {}, approved.etag)
        found = await control.reconcile(key, patient.id, Act.LOCK, {})
        assert (found.sent, found.reference) == (Sent.DONE, done.reference)

    async def test_reconcile_tells_what_never_arrived_and_does_nothing(
        self, control: AccountControl, patient: Patient
    ) -> None:
        before = await control.read(patient.id)
        found = await control.reconcile(new_key(), patient.id, Act.LOCK, {})
        assert found.sent is Sent.NEVER_ARRIVED
        assert await control.read(patient.id) == before

    async def test_the_clients_own_lock_stays(self, control: AccountControl, patient: Patient) -> None:
        before = await control.read(patient.id)
        with pytest.raises(SourceDenied):
            await act(control, patient.id, Act.REMOVE_CLIENT_LOCK)
        assert await control.read(patient.id) == before

    async def test_no_read_shows_a_mail(self, control: AccountControl, patient: Patient) -> None:
        assert control.holds(await control.read(patient.id), Act.SEND_PASSWORD_RESET, {}) is None

    async def test_an_act_on_nobody_is_refused(self, control: AccountControl, patient: Patient) -> None:
        with pytest.raises((SourceMissing, SourceChanged)):
            await control.execute(new_key(), "00000000-0000-4000-8000-000000000000", Act.LOCK, {}, "x")

    async def test_raises_once_it_is_closed(self, control: AccountControl, patient: Patient) -> None:
        await control.aclose()
        with pytest.raises(SourceError):
            await control.read(patient.id)
