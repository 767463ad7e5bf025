"""Who shares values, by way of the reader: for a live ticket of that account, on record, and counted."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from tests.reading.house import EVER, House, account
from workstation.services.connectors.reader.sharing import ReaderSharing
from workstation.services.errors import Invalid, Refused, SourceMissing
from workstation.services.reading.app import Desk
from workstation.services.reading.cabinet import Cabinet
from workstation.services.timeline.related import Shared, Shares
from workstation.services.timeline.source import Span

BODY = {"field": "device.id", "values": ["d-1"], "since": "2026-01-01T00:00:00Z", "until": "2026-12-01T00:00:00Z"}


class Knows:
    """Says that two accounts have whatever is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, tuple[str, ...]]] = []

    async def sharing(self, account: str, field: str, values: Sequence[str], span: Span) -> Shares:
        self.asked.append((account, field, tuple(values)))
        return Shares(shared=tuple(Shared(value=value, accounts=2) for value in values), population=9)

    async def aclose(self) -> None:
        """Nothing to release."""


@pytest.fixture
def knows(monkeypatch: pytest.MonkeyPatch) -> Knows:
    """Put somebody who knows behind the reader, whose house has nobody."""
    made, begin = Knows(), Desk.__init__

    def with_sharing(self: Desk, cabinet: Cabinet, *rest: object) -> None:
        cabinet.sharing = made
        begin(self, cabinet, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Desk, "__init__", with_sharing)
    return made


async def test_a_ticket_of_the_account_is_answered_and_put_on_record(knows: Knows, house: House) -> None:
    house.accounts.known["S1"] = account("S1")
    async with house.person("ana") as ana:
        await ana.hold("S1")
        found = await ReaderSharing(ana.client).sharing("S1", "device.id", ["d-1", "d-2"], EVER)
        assert [one.value for one in found.shared] == ["d-1", "d-2"]
        assert found.population == 9
    assert knows.asked == [("S1", "device.id", ("d-1", "d-2"))]
    used = house.ws.su.execute(
        "SELECT what, detail FROM wsd.view_use u JOIN wsd.view_ticket t ON t.id = u.ticket_id WHERE t.account_id = 'S1'"
    ).fetchall()
    assert ("sharing", "device.id") in used
    assert "d-1" not in str(used)


async def test_nothing_without_a_ticket_or_with_one_of_another_account(knows: Knows, house: House) -> None:
    house.accounts.known |= {"S2": account("S2"), "S3": account("S3")}
    async with house.person("ana") as ana:
        with pytest.raises(Refused):
            await ReaderSharing(ana.client).sharing("S2", "device.id", ["d-1"], EVER)
        await ana.hold("S2")
        token = await ana.token("S2")
        body = msgspec.json.encode(BODY)
        assert (await ana.post("/v1/accounts/S3/sharing", token, body)).status_code == 403
        assert (await ana.post("/v1/accounts/S2/sharing", "x" * 64, body)).status_code == 401
        assert (await ana.post("/v1/accounts/S2/sharing", token, body)).status_code == 200
        for bad in (b"{}", b"[]", msgspec.json.encode(BODY | {"more": 1}), b" " * 70_000):
            assert (await ana.post("/v1/accounts/S2/sharing", token, bad)).status_code == 400
    assert [asked[0] for asked in knows.asked] == ["S2"]


async def test_it_counts_as_one_more_view_however_often_it_is_asked(knows: Knows, house: House) -> None:
    house.accounts.known |= {"S4": account("S4"), "S5": account("S5")}
    async with house.person("ben") as ben:
        await ben.hold("S4")
        before = (await ben.tickets.get("S4")).left
        for field in ("device.id", "source.ip", "device.id"):
            await ReaderSharing(ben.client).sharing("S4", field, ["x"], EVER)
        await ben.hold("S5")
        # S5 itself, and the question.
        assert (await ben.tickets.get("S5")).left == before - 2


async def test_a_reader_behind_which_nobody_knows_says_so(house: House) -> None:
    house.accounts.known["S6"] = account("S6")
    async with house.person("ana") as ana:
        await ana.hold("S6")
        with pytest.raises(SourceMissing):
            await ReaderSharing(ana.client).sharing("S6", "device.id", ["d-1"], EVER)
        with pytest.raises(Invalid):
            await ReaderSharing(ana.client).sharing("S6", "user.name", ["x"], EVER)
