"""The exchange's answer to who shares values, held against its own books and the published contract."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from workstation.sandbox.generate import generate
from workstation.sandbox.store import SHARED, Store

from . import contract
from .conftest import NOW_US, TOKENS, House


async def ask(
    house: House, account: str, field: str, *values: str, token: str = TOKENS.read, **span: str
) -> httpx.Response:
    body = {"field": field, "values": list(values), **span}
    headers = {"Authorization": f"Bearer {token}"}
    answer = await house.http.post(f"/v1/accounts/{account}/sharing", json=body, headers=headers)
    contract.check(answer)
    return answer


def books(house: House) -> list[dict[str, Any]]:
    """Return every event of everybody, with whose it is."""
    with house.store.read() as tx:
        return [
            json.loads(body) | {"of": account} for account, body in tx.sql.execute("SELECT account, body FROM event")
        ]


def holders(events: list[dict[str, Any]], field: str, value: str) -> Counter[str]:
    return Counter(
        e["of"]
        for e in events
        if e.get(field) == value and (field != "target.id" or e["event.action"].startswith("withdrawal"))
    )


@pytest.mark.parametrize("field", SHARED)
async def test_says_what_the_books_say(house: House, field: str) -> None:
    events = books(house)
    account = house.account_of("phished_password")
    mine = sorted(
        {e[field] for e in events if e["of"] == account and field in e and holders(events, field, e[field])[account]}
    )
    found = (await ask(house, account, field, *mine[:50])).json()
    assert found["population"] == len(house.truth)
    assert [one["value"] for one in found["shared"]] == mine[:50]
    for one in found["shared"]:
        had = holders(events, field, one["value"])
        assert one["accounts"] == len(had)
        assert {h["account"]: h["events"] for h in one["holders"]}.items() <= had.items()
        assert len(one["holders"]) == min(20, len(had) - 1)


async def test_a_value_of_somebody_else_is_nobodys(house: House) -> None:
    events = books(house)
    account = house.account_of("phished_password")
    mine = {e.get("device.id") for e in events if e["of"] == account}
    theirs = next(e["device.id"] for e in events if e.get("device.id") and e["device.id"] not in mine)
    assert (await ask(house, account, "device.id", theirs, "made up")).json()["shared"] == []


def test_a_gang_ties_its_victims_together(tmp_path: Path) -> None:
    """A device that the truth calls an intruder's, at several accounts."""
    clients = generate(5, 1, NOW_US)
    at: dict[str, set[str]] = {}
    for client in clients:
        for device in client.truth["intruder"]["devices"]:
            at.setdefault(device, set()).add(client.account.id)
    device, victims = max(at.items(), key=lambda item: (len(item[1]), item[0]))
    assert len(victims) > 1
    store = Store(tmp_path / "exchange.sqlite3")
    store.create(clients, {}, [])
    with store.read() as tx:
        found = [tx.sharing(victim, "device.id", device, 0, NOW_US) for victim in sorted(victims)]
        nobody = tx.sharing(
            next(c.account.id for c in clients if c.account.id not in victims), "device.id", device, 0, NOW_US
        )
    assert all({trail.account for trail in one} == victims for one in found)
    assert nobody == []


async def test_only_the_span_counts_on_both_sides(house: House) -> None:
    account = house.account_of("phished_password")
    device = next(e["device.id"] for e in books(house) if e["of"] == account and e.get("device.id"))
    none = await ask(house, account, "device.id", device, since="2001-01-01T00:00:00Z", until="2001-01-02T00:00:00Z")
    assert none.json()["shared"] == []


@pytest.mark.parametrize(
    ("field", "values", "status"),
    [("user.name", ["x"], 400), ("device.id", [], 400), ("device.id", ["x"] * 51, 400)],
)
async def test_what_cannot_be_asked(house: House, field: str, values: list[str], status: int) -> None:
    account = house.account_of("phished_password")
    assert (await ask(house, account, field, *values)).status_code == status
    assert (await ask(house, "ZZZZ9999", "device.id", "x")).status_code == 404
    assert (await ask(house, account, "device.id", "x", token=TOKENS.write)).status_code == 403
    assert (await ask(house, account, "device.id", "x", since="yesterday")).status_code == 400
