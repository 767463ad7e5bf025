"""Who shares values: our contract's connector and the twins under the shared tests, and answers that are refused."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.contracts.sharing import EVER, Couple, SharingContract
from workstation.services.connectors import failing, null
from workstation.services.connectors.accounts.sharing import ContractSharing
from workstation.services.errors import SourceDown, SourceError, SourceGarbled, SourceMissing
from workstation.services.timeline.related import STRENGTH

from .exchange import ALICE, BOB, READ, Exchange, answer, problem
from .wire import system

SEEN = "2026-11-20T10:00:00Z"


def holder(account: str, **times: str) -> dict[str, Any]:
    return {"account": account, "first": SEEN, "last": SEEN, "events": 2, **times}


class Sharer(Exchange):
    """Alice and Bob use one device; only Bob has the other."""

    def __init__(self) -> None:
        super().__init__()
        self.have = {"d-1": (ALICE, BOB), "d-2": (BOB,)}
        self.says: dict[str, Any] | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        *_, account, what = request.url.path.split("/")
        if what != "sharing":
            return super().__call__(request)
        if request.headers["authorization"] != f"Bearer {READ}":
            return problem(403, "not this token")
        if account not in self.accounts:
            return problem(404, "no such account")
        asked = json.loads(request.content)
        if asked["field"] not in STRENGTH:
            return problem(400, "no such field")
        inside = asked["since"] <= SEEN < asked["until"]
        shared = [
            {
                "value": value,
                "accounts": len(self.have[value]),
                "holders": [holder(one) for one in self.have[value] if one != account],
            }
            for value in asked["values"]
            if inside and account in self.have.get(value, ())
        ]
        return answer({"shared": shared, "population": 2} | (self.says or {}))


@pytest.fixture
def sharer() -> Sharer:
    return Sharer()


class TestContractSharing(SharingContract):
    @pytest.fixture
    def sharing(self, sharer: Sharer) -> ContractSharing:
        return ContractSharing(system(sharer, token=READ))

    @pytest.fixture
    def couple(self) -> Couple:
        return Couple(account=ALICE, other=BOB, field="device.id", value="d-1", foreign="d-2")

    @pytest.mark.parametrize(
        "says",
        [
            {"shared": [{"value": "another", "accounts": 2, "holders": []}]},
            {"shared": [{"value": "d-1", "accounts": 1, "holders": [holder(BOB)]}]},
            {"shared": [{"value": "d-1", "accounts": 2, "holders": [holder(BOB, first="2026-11-20T10:00:00")]}]},
            {"shared": None},
            {"shared": [{"value": "d-1"}]},
        ],
        ids=["another value", "fewer accounts than names", "a time without a zone", "null", "cut"],
    )
    async def test_an_answer_to_something_else_is_refused(self, sharer: Sharer, says: dict[str, Any]) -> None:
        sharer.says = says
        with pytest.raises(SourceGarbled):
            await ContractSharing(system(sharer, token=READ)).sharing(ALICE, "device.id", ["d-1"], EVER)

    async def test_more_names_than_promised_are_cut_and_oneself_is_left_out(self, sharer: Sharer) -> None:
        names = [ALICE, *(f"A{n}" for n in range(30))]
        holders = [holder(one) for one in names]
        sharer.says = {"shared": [{"value": "d-1", "accounts": 31, "holders": holders}]}
        found = await ContractSharing(system(sharer, token=READ)).sharing(ALICE, "device.id", ["d-1"], EVER)
        assert [holder.account for holder in found.shared[0].holders] == names[1:21]

    async def test_a_service_of_the_first_version_is_no_answer_not_nobody(self) -> None:
        def first(request: httpx.Request) -> httpx.Response:
            return problem(404, "no such page")

        with pytest.raises(SourceMissing):
            await ContractSharing(system(first, token=READ)).sharing(ALICE, "device.id", ["d-1"], EVER)


async def test_the_twins() -> None:
    with pytest.raises(SourceMissing, match="Keycloak cannot say"):
        await null.NullSharing("Keycloak cannot say.").sharing(ALICE, "device.id", ["d-1"], EVER)
    for error in (SourceError, SourceDown):
        with pytest.raises(error):
            await failing.FailingSharing(lambda error=error: error("away")).sharing(ALICE, "device.id", ["d-1"], EVER)
    await null.NullSharing().aclose()
    await failing.FailingSharing().aclose()
