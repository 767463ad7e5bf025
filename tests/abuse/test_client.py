"""The abuse cases around what is the client's alone: the own lock, the own number, the own no."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest

from tests.abuse.arena import REASON, Arena, refused
from tests.story import driver
from tests.story.client import account_of
from tests.story.finding import find_case, locked_by_the_client, lost_factor, sim_swapped
from workstation.services.vault import credential_file

pytestmark = pytest.mark.long

Layer = Callable[[str], None]


def stop_token(text: str) -> str:
    """Return the token of the client's link in a mail, ``""`` where there is none."""
    found = re.search(r"/sandbox/stop\?t=([\w.~-]{40,})", text)
    return found[1] if found else ""


async def at_once(value: str) -> str:
    """Return a value to whoever waits."""
    return value


async def test_14_the_clients_own_lock_by_break_glass(arena: Arena, stopped_by: Layer) -> None:
    place = arena.place
    async with arena.sitting("lea.w", "olga.p") as (lea, olga):
        row = await find_case(place, olga, locked_by_the_client)
        assert await refused(lea.break_glass(row.id, "INC-1", REASON)) in ("level", "not_holder")
        await olga.claim(row.id)
        await olga.open_case(row.id)
        await driver.step_up(olga)
        assert (await olga.break_glass(row.id, "INC-1", REASON)).on
        ask = olga.request_act(row.id, "remove_client_lock", {}, "CLIENT_REQUEST_VERIFIED", REASON)
        assert await refused(ask) == "forbidden_for_everyone"
        await olga.end_break_glass()
    # the account system refuses it, too, even to the credential that only the broker has
    token = (place.directory / "daemons" / "broker" / credential_file("accounts:write")).read_text()
    async with httpx.AsyncClient(base_url=place.info()["sandbox_url"]) as http:
        said = await http.post(
            f"/v1/accounts/{row.account}/acts",
            json={"act": "remove_client_lock", "params": {}, "reason": "please"},
            headers={
                "Authorization": f"Bearer {token}",
                "Idempotency-Key": "00000000-0000-4000-8000-000000000014",
                "If-Match": f'"{account_of(place.directory / "exchange", row.account).etag}"',
            },
        )
    assert said.status_code == 403
    stopped_by("database: tier 4 is nobody's; account system")


async def test_15a_a_factor_reset_after_a_sim_swap(arena: Arena, stopped_by: Layer) -> None:
    async with arena.sitting("olga.p") as (olga,):
        row = await find_case(arena.place, olga, sim_swapped)
        await olga.claim(row.id)
        await olga.open_case(row.id)
        factor = {"factor": account_of(arena.place.directory / "exchange", row.account).factors[0].id}
        await driver.step_up(olga, await olga.intent(row.id, "remove_factor", factor))
        await refused(olga.request_act(row.id, "remove_factor", factor, "LOST_DEVICE", REASON))
        why = {w.code: w for o in await olga.options(row.id) if o.act == "remove_factor" for w in o.reasons}
        await olga.release(row.id)
    assert why["sim_swap"].until is not None
    stopped_by("database: facts that the broker read")


async def test_15b_the_client_says_no_while_it_cools_down(arena: Arena, stopped_by: Layer) -> None:
    async with arena.sitting("joao.m", "olga.p") as (joao, olga):
        row = await find_case(arena.place, joao, lost_factor)
        factor = {"factor": account_of(arena.place.directory / "exchange", row.account).factors[0].id}
        await joao.claim(row.id)
        await driver.investigate(joao, row.id, "remove_factor", factor, "rightful_owner")
        await driver.forward(joao, row.id)
        request = await driver.ask(olga, row.id, "remove_factor", factor, tier=3)
        # an analyst sees that there is a link, and not where it leads: it is the client's
        assert not any(stop_token(mail.body) for mail in await olga.thread(row.id))
        notice = "SELECT body FROM wsd.mail WHERE case_id = %s AND body LIKE '%%/sandbox/stop?t=%%' AND state = 'sent'"
        body = await driver.until(lambda: at_once(arena.value(notice, row.id)), bool, "the notice")
        async with httpx.AsyncClient(base_url=arena.place.info()["sandbox_url"]) as http:
            said = await http.post("/sandbox/stop", json={"token": stop_token(body)})
        assert said.is_success, said.text
        why = await arena.ends_as(request, "vetoed")
    assert "client" in why
    stopped_by("database: the client's signed link")
