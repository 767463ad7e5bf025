"""What every Sharing does."""

from __future__ import annotations

import msgspec
import pytest

from workstation.services.errors import Invalid, SourceError, SourceMissing
from workstation.services.timeline.related import HOLDERS_MAX, STRENGTH, VALUES_MAX, Sharing
from workstation.services.timeline.source import Span

EVER = Span(0, 2**52)


class Couple(msgspec.Struct, frozen=True, kw_only=True):
    """An account, a value that another account has too, and a value that only somebody else has."""

    account: str
    other: str
    field: str
    value: str
    foreign: str
    nobody: str = "ZZZZ9999"


class SharingContract:
    """Subclasses give the fixtures `sharing` and `couple`."""

    async def test_names_the_other_account_with_its_times(self, sharing: Sharing, couple: Couple) -> None:
        found = await sharing.sharing(couple.account, couple.field, [couple.value], EVER)
        (shared,) = found.shared
        assert shared.value == couple.value
        assert shared.accounts >= len(shared.holders) + 1 >= 2
        assert couple.other in [holder.account for holder in shared.holders]
        assert couple.account not in [holder.account for holder in shared.holders]
        assert len(shared.holders) <= HOLDERS_MAX
        for holder in shared.holders:
            assert holder.first <= holder.last
            assert holder.first.tzinfo is not None
            assert holder.events >= 1
        assert found.population >= shared.accounts or not found.population

    async def test_a_value_that_is_not_the_accounts_is_answered_as_nobodys(
        self, sharing: Sharing, couple: Couple
    ) -> None:
        """No way to look up whose an address is."""
        unknown = await sharing.sharing(couple.account, couple.field, ["no such value"], EVER)
        foreign = await sharing.sharing(couple.account, couple.field, [couple.foreign], EVER)
        assert unknown.shared == foreign.shared == ()

    async def test_only_events_of_the_span_count(self, sharing: Sharing, couple: Couple) -> None:
        assert (await sharing.sharing(couple.account, couple.field, [couple.value], Span(0, 1))).shared == ()

    async def test_nothing_asked_is_nothing_answered(self, sharing: Sharing, couple: Couple) -> None:
        assert (await sharing.sharing(couple.account, couple.field, [], EVER)).shared == ()

    @pytest.mark.parametrize("field", ["user.name", "", "session.id", "device.id; --"])
    async def test_other_fields_are_refused(self, sharing: Sharing, couple: Couple, field: str) -> None:
        with pytest.raises(Invalid):
            await sharing.sharing(couple.account, field, [couple.value], EVER)

    async def test_too_many_values_are_refused(self, sharing: Sharing, couple: Couple) -> None:
        with pytest.raises(Invalid):
            await sharing.sharing(couple.account, couple.field, ["x"] * (VALUES_MAX + 1), EVER)

    @pytest.mark.parametrize("field", STRENGTH)
    async def test_hostile_values_match_nothing(self, sharing: Sharing, couple: Couple, field: str) -> None:
        values = ["' OR 1=1 --", "%", "*", "\x00", "ÿ\u202e", "x" * 500]
        assert (await sharing.sharing(couple.account, field, values, EVER)).shared == ()

    async def test_somebody_unknown_is_missing(self, sharing: Sharing, couple: Couple) -> None:
        with pytest.raises(SourceMissing):
            await sharing.sharing(couple.nobody, couple.field, [couple.value], EVER)

    async def test_raises_once_it_is_closed(self, sharing: Sharing, couple: Couple) -> None:
        await sharing.aclose()
        with pytest.raises(SourceError):
            await sharing.sharing(couple.account, couple.field, [couple.value], EVER)
