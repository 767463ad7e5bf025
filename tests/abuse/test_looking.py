"""The abuse case of somebody who looks people up: as many as possible, past the workstation, and out of the house."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.abuse.arena import REASON, Arena, refused
from workstation.sandbox.prepare import reader_socket

pytestmark = pytest.mark.long

Layer = Callable[[str], None]
BUDGET = 30


@pytest.fixture
def accounts(arena: Arena) -> Iterator[list[str]]:
    """More accounts than anybody may look at in an hour; afterwards the hour is over."""
    truth = json.loads((arena.place.directory / "exchange" / "truth.json").read_bytes())
    yield sorted(t["account"] for t in truth)[: BUDGET + 2]
    with arena.past_the_triggers():
        arena.su.execute("UPDATE wsd.view_ticket SET issued = issued - interval '2 h' WHERE login = 'ana.k'")


async def test_16_a_level_1_opens_31_accounts_and_exports_everything(
    arena: Arena, stopped_by: Layer, accounts: list[str]
) -> None:
    async with arena.sitting("ana.k") as (ana,):
        seen = arena.value("SELECT count(*) FROM wsd.views_counted('P01')")
        for account in accounts[: BUDGET - seen]:
            given = await ana.tools.session.call("view_ticket_reason", account, REASON)
            assert given["account"] == account
        assert await refused(ana.open_account(accounts[-1], REASON)) == "view_budget"
        said = await arena.workstation("timeline", accounts[-1], "--csv", "--dir", str(arena.place.directory))
        assert said.code != 0
        assert said.out == ""
        # past the workstation: with what she has, she may ask the reader and the exchange
        transport = httpx.AsyncHTTPTransport(uds=str(reader_socket(arena.place.directory)))
        async with httpx.AsyncClient(transport=transport, base_url="http://reader") as http:
            assert (await http.get(f"/v1/accounts/{accounts[-1]}")).status_code == 401
            stolen = {"Authorization": f"Bearer {given['token']}"}
            assert (await http.get(f"/v1/accounts/{accounts[-1]}", headers=stolen)).status_code == 403
        assert await arena.place.secrets("ana.k").get("accounts:read") is None
    leads_see = "SELECT count(*) FROM wsd.alert WHERE kind = 'view.budget' AND about = 'ana.k'"
    assert arena.value(leads_see) == 1
    stopped_by("database: budget of views; reader: a ticket is for one account; leads are alerted")
