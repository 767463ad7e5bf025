"""The risk engine: rules over features of events; what the logs cannot tell is not a zero."""

from __future__ import annotations

import json
import random
from typing import Any

import cel
import pytest

from workstation.sandbox.atlas import atlas
from workstation.sandbox.cast import DAY, HOUR, MINUTE
from workstation.sandbox.features import extract, seen
from workstation.sandbox.risk import rules, score
from workstation.sandbox.vocabulary import event

from .conftest import NOW_US, House


def log(*rows: tuple[int, str, dict[str, Any]]) -> list[bytes]:
    """Events from (microseconds before now, action, fields), oldest first."""
    made = []
    for n, (before, action, fields) in enumerate(sorted(rows, key=lambda r: -r[0])):
        record = event(f"e{n}", NOW_US - before, action, account="A", username="a", **fields.pop("how", {}))
        made.append(json.dumps(record | fields).encode())
    return made


def login(before: int, device: str = "d-1", city: str = "Lisbon", asn: str = "64512", **more: Any) -> Any:
    where = {
        "device.id": device,
        "source.geo.city_name": city,
        "source.geo.country_iso_code": atlas().cities[city].country,
        "source.as.number": asn,
        "source.ip": "198.18.0.9",
    }
    return (before, "sign_in", where | more)


PAST = [login(n * DAY) for n in range(4, 14)]


def codes(raw: list[bytes]) -> set[str]:
    return {r.code for r in score(raw, NOW_US).reasons}


def test_no_log_is_no_data() -> None:
    found = score([], NOW_US)
    assert (found.score, found.level, found.reasons) == (None, "", ())


def test_an_ordinary_log_is_a_zero() -> None:
    found = score(log(*PAST, login(HOUR)), NOW_US)
    assert (found.score, found.level) == (0.0, "low")


def test_without_a_past_nothing_is_new() -> None:
    values = extract(seen(log(login(HOUR, device="d-9"))), NOW_US, 3, atlas()).values
    assert "new_devices" not in values and "sim_swaps" not in values
    assert "new_device" not in codes(log(login(HOUR, device="d-9")))
    assert "new_device" in codes(log(*PAST, login(HOUR, device="d-9")))


def test_a_missing_feature_is_told_from_a_no() -> None:
    rule = next(r for r in rules().rule if r.code == "sim_swap")
    with pytest.raises(KeyError):
        cel.compile(rule.when).execute({"f": {}})
    checked = (HOUR, "phone.checked", {"event.outcome": "success"})
    swapped = (HOUR, "phone.checked", {"event.outcome": "failure"})
    assert extract(seen(log(*PAST, checked)), NOW_US, 3, atlas()).values["sim_swaps"] == 0
    assert "sim_swap" in codes(log(*PAST, swapped)) and "sim_swap" not in codes(log(*PAST, checked))


def test_travel_has_a_speed() -> None:
    assert "impossible_travel" in codes(log(*PAST, login(2 * HOUR), login(HOUR, city="Singapore")))
    assert "impossible_travel" not in codes(log(*PAST, login(30 * HOUR), login(HOUR, city="Singapore")))
    assert "impossible_travel" not in codes(log(*PAST, login(HOUR + MINUTE), login(HOUR, city="Porto")))


def test_failures_count_within_an_hour() -> None:
    bad = {"event.outcome": "failure"}
    burst = [login(HOUR + n * MINUTE, **bad) for n in range(4)]
    spread = [login(n * 2 * HOUR, **bad) for n in range(1, 5)]
    assert "failed_burst" in codes(log(*PAST, *burst)) and "failed_burst" not in codes(log(*PAST, *spread))


def test_only_a_fresh_address_makes_a_withdrawal_odd() -> None:
    new = (2 * HOUR, "withdrawal_address.added", {"target.id": "bc1new"})
    old = (40 * DAY, "withdrawal_address.added", {"target.id": "bc1old"})
    out = [(HOUR, "withdrawal.requested", {"target.id": to}) for to in ("bc1new", "bc1old")]
    assert "withdrawal_to_new_address" in codes(log(*PAST, new, out[0]))
    assert "withdrawal_to_new_address" not in codes(log(*PAST, old, out[1]))


def test_what_staff_did_by_the_contract_is_no_staff_change() -> None:
    by_support = (HOUR, "second_factor.removed", {"user.id": "staff-17"})
    by_contract = (HOUR, "second_factor.removed", {"user.id": "staff-api"})
    assert "staff_change" in codes(log(*PAST, by_support))
    assert "staff_change" not in codes(log(*PAST, by_contract))


def test_points_add_up_to_at_most_a_hundred_and_rules_are_sound() -> None:
    total = sum(r.points for r in rules().rule)
    assert total > 100
    assert len({r.code for r in rules().rule}) == len(rules().rule)
    for rule in rules().rule:
        assert cel.compile(rule.when).variables() == ["f"]
    assert 0 < rules().medium < rules().high < 100


async def test_every_reason_names_events_of_the_account(house: House) -> None:
    seen_reasons = 0
    for truth in house.truth:
        path = f"/v1/accounts/{truth['account']}"
        risk = (await house.get(f"{path}/risk")).json()
        assert risk["score"] == min(100, sum(r["points"] for r in risk["reasons"]))
        ids: set[str] = set()
        cursor: dict[str, str] = {}
        while risk["reasons"]:
            page = (await house.get(f"{path}/events", limit=1000, **cursor)).json()
            ids |= {e["event.id"] for e in page["events"]}
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        for reason in risk["reasons"]:
            assert reason["events"] and set(reason["events"]) <= ids
            seen_reasons += 1
    assert seen_reasons > 40


async def test_what_happens_moves_the_score(house: House) -> None:
    account = house.account_of("forgotten_password")
    before = (await house.get(f"/v1/accounts/{account}/risk")).json()["score"]
    await house.act(account, "unlock")
    for factor in house.record(account).account.factors:
        await house.act(account, "remove_factor", {"factor": factor.id})
    with house.store.write(house.now_us, random.Random(1)) as tx:
        found = tx.load(account)
        assert found is not None
        tx.emit(found.account, "api_key.created", target="ak-1")
    after = (await house.get(f"/v1/accounts/{account}/risk")).json()
    assert after["score"] > before
    assert "api_key" in {r["code"] for r in after["reasons"]}
