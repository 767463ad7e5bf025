"""The desk's two questions: what cannot be asked is said, and one field that fails stops no other."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from tests.connectors.wire import NOON
from tests.traces.test_left import AT, account, made
from workstation.services.acts.refusals import refused
from workstation.services.bench.story import StoryDesk
from workstation.services.clock import FrozenClock
from workstation.services.connectors import failing, null
from workstation.services.errors import Refused, SourceDown
from workstation.services.timeline.related import Holder, Shared, Shares
from workstation.services.timeline.source import Span
from workstation.services.views import MadeKind, Observed, Still

HERE = (
    Observed(field="device.id", value="d1", first_us=1, last_us=2, events=3),
    Observed(field="source.ip", value="192.0.2.1", first_us=1, last_us=2, events=3),
)


class Looks:
    """Admits, or refuses."""

    def __init__(self, rule: str = "") -> None:
        self.rule = rule

    async def admit(self, account: str) -> None:
        if self.rule:
            raise refused(self.rule)


class Reads:
    """Has one account."""

    async def read(self, account_id: str) -> Any:
        return account()


class OnlyDevices:
    """Knows devices; of addresses it gives no answer."""

    async def sharing(self, account: str, field: str, values: Sequence[str], span: Span) -> Shares:
        if field != "device.id":
            raise SourceDown("The account API does not answer.", "Try again.")
        holder = Holder(account="B", first=AT, last=AT, events=1)
        return Shares(shared=(Shared(value=values[0], accounts=2, holders=(holder,)),), population=9)

    async def aclose(self) -> None:
        """Nothing to release."""


def desk(**tools: Any) -> StoryDesk:
    made_ = StoryDesk()
    given = {"sight": Looks(), "accounts": Reads(), "clock": FrozenClock(NOON), "sharing": None}
    made_.tools = SimpleNamespace(**(given | tools))  # type: ignore[assignment]
    return made_


async def test_what_stands_is_read_now() -> None:
    left = await desk().left_standing("A", [made(MadeKind.SESSION, "s1")])
    assert (left.things[0].state, left.read_at, left.problem) == (Still.GONE, NOON, "")


@pytest.mark.parametrize(
    ("tools", "why"),
    [
        ({"accounts": failing.FailingAccounts()}, "The system cannot be reached."),
        ({"accounts": null.NullAccounts()}, "No account system is set up."),
        ({"sight": Looks("not_opened")}, ""),
    ],
    ids=["away", "none", "no right to look"],
)
async def test_what_cannot_be_read_is_unknown_with_the_reason(tools: dict[str, Any], why: str) -> None:
    left = await desk(**tools).left_standing("A", [made(MadeKind.SESSION, "s1"), made(MadeKind.API_KEY, "k")])
    assert [one.state for one in left.things] == [Still.UNKNOWN, Still.UNKNOWN]
    assert why in left.problem
    assert left.problem


async def test_one_field_that_fails_stops_no_other() -> None:
    found = await desk(sharing=OnlyDevices()).related("A", HERE)
    assert [one.account for one in found.accounts] == ["B"]
    assert found.problems == ("address: The account API does not answer. Try again.",)
    assert (found.asked, found.population, found.read_at) == (1, 9, NOON)


@pytest.mark.parametrize(
    "sharing", [None, null.NullSharing(), failing.FailingSharing()], ids=["not set up", "none", "away"]
)
async def test_nobody_who_can_say_is_a_problem_and_not_nobody(sharing: Any) -> None:
    found = await desk(sharing=sharing).related("A", HERE)
    assert found.accounts == ()
    assert found.asked == 0
    assert found.problems


async def test_without_the_right_to_look_nothing_is_asked() -> None:
    with pytest.raises(Refused):
        await desk(sight=Looks("not_opened"), sharing=OnlyDevices()).related("A", HERE)
