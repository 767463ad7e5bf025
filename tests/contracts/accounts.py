"""What every AccountReader does."""

from __future__ import annotations

import msgspec
import pytest

from workstation.services.accounts.ports import AccountReader
from workstation.services.errors import Invalid, SourceError, SourceMissing


class Somebody(msgspec.Struct, frozen=True, kw_only=True):
    """An account that is there, and an id of the same kind that is not. Without an account: all empty."""

    id: str = ""
    username: str = ""
    email: str = ""
    factors: frozenset[str] = frozenset()
    nobody: str = "00000000-0000-4000-8000-000000000000"


class NobodyContract:
    """What holds even where there is no account at all. Subclasses give the fixtures `reader` and `somebody`."""

    async def test_somebody_unknown_is_missing(self, reader: AccountReader, somebody: Somebody) -> None:
        with pytest.raises(SourceMissing):
            await reader.read(somebody.nobody)

    @pytest.mark.parametrize("hostile", ["../accounts", "a/b", "a?b=c", "%2e%2e", "..", "", "ÿ\u202e", "a b#"])
    async def test_a_hostile_id_is_nobody(self, reader: AccountReader, somebody: Somebody, hostile: str) -> None:
        with pytest.raises((SourceError, Invalid)):
            await reader.read(hostile)

    async def test_a_part_finds_nobody(self, reader: AccountReader, somebody: Somebody) -> None:
        for text in ("", "   ", "*", "%", somebody.username[:-1], somebody.email[:-1], somebody.nobody):
            assert await reader.find(text) == ()

    async def test_raises_once_it_is_closed(self, reader: AccountReader, somebody: Somebody) -> None:
        await reader.aclose()
        with pytest.raises(SourceError):
            await reader.read(somebody.id or somebody.nobody)


class AccountsContract(NobodyContract):
    """Subclasses give the fixtures `reader` and `somebody`."""

    async def test_reads_the_account_that_was_asked_for(self, reader: AccountReader, somebody: Somebody) -> None:
        account = await reader.read(somebody.id)
        assert (account.id, account.username) == (somebody.id, somebody.username)
        assert {factor.id for factor in account.factors} == somebody.factors
        assert somebody.email in [contact.value for contact in account.contacts]

    async def test_an_account_that_rests_keeps_its_version(self, reader: AccountReader, somebody: Somebody) -> None:
        first, second = await reader.read(somebody.id), await reader.read(somebody.id)
        assert first.etag
        assert first == second

    async def test_every_time_has_a_zone(self, reader: AccountReader, somebody: Somebody) -> None:
        account = await reader.read(somebody.id)
        times = [account.created_at, *(factor.enrolled_at for factor in account.factors)]
        assert all(at.tzinfo is not None for at in times if at is not None)

    async def test_finds_by_id_name_and_address_exactly(self, reader: AccountReader, somebody: Somebody) -> None:
        for text in (somebody.id, somebody.username, somebody.email, f"  {somebody.email} "):
            assert await reader.find(text) == (somebody.id,)
