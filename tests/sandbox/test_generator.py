"""The generator: the same from the same seed, nothing after now, and each scenario as it is described."""

from __future__ import annotations

import statistics
from collections import Counter
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workstation.sandbox.atlas import FIRST_ASN, atlas
from workstation.sandbox.cast import DAY
from workstation.sandbox.confusion import confusion
from workstation.sandbox.generate import ACCOUNTS, LANGUAGES, PROBLEMS, Client, generate
from workstation.sandbox.hostile import HOSTILE
from workstation.sandbox.innocent import INNOCENT
from workstation.sandbox.stories import KINDS
from workstation.sandbox.vocabulary import ALPHABET, DATASETS
from workstation.services.accounts.model import LockKind, Status
from workstation.services.clock import from_micros, parse_instant, to_micros
from workstation.services.timeline.event import FIELDS

from . import contract
from .conftest import NOW_US

SEEDS = st.integers(0, 10_000)
few = settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))


def at(event: dict[str, Any], name: str = "@timestamp") -> int:
    return to_micros(parse_instant(event[name]))


def owner_events(client: Client) -> list[dict[str, Any]]:
    """What the client did, from the truth: neither the exchange, nor staff, nor an intruder."""
    bad = client.truth["intruder"]
    return [
        e
        for e in client.events
        if e["user.id"] == client.account.id
        and e.get("device.id") not in bad["devices"]
        and e.get("source.ip") not in bad["ips"]
    ]


def logins(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [e for e in events if e["event.action"] == "sign_in" and e["event.outcome"] == "success"]


@pytest.mark.long
@given(SEEDS, st.integers(1_700_000_000_000_000, 1_900_000_000_000_000))
@settings(few, max_examples=1)
def test_the_same_seed_and_moment_give_the_same_exchange(seed: int, now_us: int) -> None:
    encode = msgspec.json.Encoder().encode
    assert encode(generate(seed, 1, now_us)) == encode(generate(seed, 1, now_us))


@cache
def world(seed: int) -> list[Client]:
    """An exchange that no test changes."""
    return generate(seed, 1, NOW_US)


@pytest.mark.long
def test_another_seed_gives_another_exchange() -> None:
    one, other = ({c.account.id for c in world(seed)} for seed in (1, 2))
    assert not one & other


@pytest.mark.long
def test_a_larger_exchange_begins_like_the_smaller() -> None:
    large = generate(1, 2, NOW_US)
    assert [c.account.id for c in large[:PROBLEMS]] == [c.account.id for c in world(1)[:PROBLEMS]]
    assert len(large) == 2 * ACCOUNTS
    assert sum(c.story is not None for c in large) == 2 * PROBLEMS
    assert len({c.account.id for c in large}) == len({c.account.username for c in large}) == len(large)


@pytest.mark.long
@given(SEEDS)
@few
def test_every_world_is_sound(seed: int) -> None:
    clients = generate(seed, 1, NOW_US)
    assert len(clients) == ACCOUNTS
    for client in clients:
        _sound_events(client)
        _sound_account(client)
        _sound_scenario(client)
    _sound_mixture(clients)
    _sound_statements(clients)


def _sound_events(client: Client) -> None:
    world = atlas()
    ids = [e["event.id"] for e in client.events]
    assert len(ids) == len(set(ids))
    times = [e["@timestamp"] for e in client.events]
    assert times == sorted(times)
    for e in client.events:
        assert at(e) <= at(e, "event.ingested") <= NOW_US
        assert e["user.target.id"] == client.account.id
        assert set(e) <= {*FIELDS, "@timestamp", "event.ingested"}
        if "source.ip" in e:
            # address, operator, city and country belong together, and to nobody
            first, second, third, _ = map(int, e["source.ip"].split("."))
            place = (second - 18) * 256 + third
            net = world.network[place // 8]
            assert (first, int(e["source.as.number"]) - FIRST_ASN) == (198, place // 8)
            assert e["source.as.organization.name"] == net.org
            assert e["source.geo.city_name"] == net.cities[place % 8 // 2]
            city = world.cities[e["source.geo.city_name"]]
            assert e["source.geo.country_iso_code"] == city.country
            assert e["source.geo.location"] == f"{city.latitude},{city.longitude}"
    assert {e["event.dataset"] for e in client.events} <= set(DATASETS)


def _sound_account(client: Client) -> None:
    account = client.account
    assert len(account.id) == 8 and set(account.id) <= set(ALPHABET)
    assert (account.status is Status.LOCKED) == bool(account.locks)
    known = {e.get("session.id") for e in client.events}
    assert {s.id for s in account.sessions} <= known
    targets = {e.get("target.id") for e in client.events}
    for thing in account.standing:
        assert (thing.label if thing.kind == "withdrawal_address" else thing.id) in targets
    assert {f.id for f in account.factors} == set(client.head.secrets) and {f.id for f in account.factors} <= targets
    assert sum(c.kind == "email" and c.replaced_at is None for c in account.contacts) == 1
    left = set(client.truth["left_standing"])
    there = {s.id for s in (*account.sessions, *account.standing, *account.factors)}
    assert left <= there | {c.value for c in account.contacts}


def _sound_mixture(clients: list[Client]) -> None:
    problems = [c for c in clients if c.story is not None]
    assert sum(c.truth["hostile"] for c in problems) * 2 == len(problems) == PROBLEMS
    assert {c.truth["scenario"] for c in problems} == {*HOSTILE, *INNOCENT}
    assert {c.account.language for c in problems} == set(LANGUAGES)
    counts = sorted(len(c.events) for c in clients)
    assert 150 <= statistics.median(counts) <= 700
    assert sum(2_500 <= n <= 9_000 for n in counts) >= 2
    for c in problems:
        assert c.story is not None
        assert c.story.trouble_us <= c.story.opened_us <= NOW_US
        assert c.story.kind == KINDS[c.story.tell]


def _sound_scenario(client: Client) -> None:
    """The scenario is what it is called, and an intruder who was in has left something standing."""
    scenario = client.truth["scenario"]
    if scenario in CHECKS:
        CHECKS[scenario](client)
    if client.truth["hostile"] and scenario not in ("impostor", "insider_like"):
        assert client.truth["left_standing"], scenario


def _actions(client: Client) -> list[str]:
    began = client.truth["began_at"]
    return [e["event.action"] for e in client.events if began and at(e) >= to_micros(parse_instant(began))]


def _false_positive(client: Client) -> None:
    assert [lock.kind for lock in client.account.locks] == [LockKind.SECURITY]
    recent = [e for e in client.events if at(e) > NOW_US - 5 * DAY and "device.id" in e]
    assert {e["device.id"] for e in recent} <= set(client.truth["owner_devices"])


def _malware(client: Client) -> None:
    bad = client.truth["intruder"]
    assert bad["devices"] == bad["ips"] == bad["sessions"] == []
    assert "withdrawal.completed" in _actions(client)
    assert client.truth["left_standing"]


def _mailbox(client: Client) -> None:
    assert "password.reset" in _actions(client)
    emails = [c for c in client.account.contacts if c.kind == "email"]
    if len(emails) == 2:
        assert emails[0].replaced_at is not None and emails[1].verified_at == emails[0].replaced_at
        assert emails[1].value in client.truth["left_standing"]
        # the reply of the house goes to the address that was there before the trouble
        assert client.story is not None
        before = client.account.address_on_record(from_micros(client.story.trouble_us))
        assert before == emails[0]


def _stolen(client: Client) -> None:
    assert "sign_in" not in _actions(client)
    assert set(client.truth["intruder"]["sessions"]) <= {s.id for s in client.account.sessions}


def _lost(client: Client) -> None:
    assert not client.account.sessions
    assert set(client.head.secrets) & set(client.head.client.factors) == set()


def _forgot(client: Client) -> None:
    assert [lock.kind for lock in client.account.locks] == [LockKind.FAILED_SIGN_INS]
    assert client.head.client.password != client.head.password
    failures = [e for e in client.events if e["event.outcome"] == "failure"][-5:]
    assert {e["device.id"] for e in failures} <= set(client.truth["owner_devices"])


def _own_lock(client: Client) -> None:
    (lock,) = client.account.locks
    assert lock.kind is LockKind.CLIENT and lock.until is not None and to_micros(lock.until) > NOW_US


def _impostor(client: Client) -> None:
    assert client.head.intruder is not None and client.story is not None
    assert client.head.intruder.password == client.head.password
    assert client.story.writer == "intruder"
    assert client.story.spoofed or client.head.intruder.writes_from != client.head.client.writes_from
    assert set(_actions(client)) == {"sign_in"}


def _sim(client: Client) -> None:
    assert [f.kind for f in client.account.factors if f.kind != "passkey"] == ["sms"]
    assert client.head.intruder is not None and client.head.intruder.phones and not client.head.client.phones


def _traveller(client: Client) -> None:
    assert client.account.holds
    assert not client.truth["intruder"]["devices"]


CHECKS = {
    "false_positive_lock": _false_positive,
    "owner_device_malware": _malware,
    "mailbox_first": _mailbox,
    "stolen_session": _stolen,
    "lost_phone": _lost,
    "forgotten_password": _forgot,
    "own_settings_lock": _own_lock,
    "impostor": _impostor,
    "sim_swap": _sim,
    "new_country": _traveller,
}


def _sound_statements(clients: list[Client]) -> None:
    """What is said is true or false against the log as it is noted."""
    seen: Counter[tuple[str, bool]] = Counter()
    for client in clients:
        for said in client.truth["client_says"] + client.truth["intruder_says"]:
            known = STATEMENTS.get(said["code"])
            if known is not None:
                assert known(client, said["params"]) is said["true"], (client.truth["scenario"], said)
                seen[said["code"], said["true"]] += 1
    assert ("last_ok", True) in seen and ("last_ok", False) in seen


def _day(client: Client, event: dict[str, Any]) -> str:
    shift = int(atlas().cities[_home(client)].offset_h * DAY / 24)
    return from_micros(at(event) + shift).date().isoformat()


def _home(client: Client) -> str:
    opened = next(e for e in client.events if e["event.action"] == "account.created")
    return str(opened["source.geo.city_name"])


def _last_ok(client: Client, params: dict[str, str]) -> bool:
    return any(
        (_day(client, e), e["source.geo.city_name"]) == (params["day"], params["city"])
        for e in logins(owner_events(client))
    )


def _there(client: Client, params: dict[str, str]) -> bool:
    return any(e["source.geo.city_name"] == params["city"] for e in logins(owner_events(client))[-2:])


def _locked_himself(client: Client, params: dict[str, str]) -> bool:
    locked = [e for e in owner_events(client) if e["event.action"] == "account.locked"]
    return any(_day(client, e) == params["day"] for e in locked)


def _number(client: Client, params: dict[str, str]) -> bool:
    return any(_day(client, e) == params["day"] for e in owner_events(client) if e["event.action"] == "phone.changed")


def _not_by_me(action: str) -> Any:
    def check(client: Client, params: dict[str, str]) -> bool:
        return not any(e["event.action"] == action and at(e) > NOW_US - 4 * DAY for e in owner_events(client))

    return check


STATEMENTS = {
    "last_ok": _last_ok,
    "travelling": _there,
    "own_lock": _locked_himself,
    "new_number": _number,
    "no_reset": _not_by_me("password.reset"),
    "no_phone_change": _not_by_me("phone.changed"),
    "tries": lambda client, params: len([e for e in client.events[-8:] if e["event.outcome"] == "failure"]) >= 5,
}


def test_a_scenarios_events_keep_the_contract() -> None:
    for client in world(1):
        for e in client.events[-40:]:
            contract.validate(e, "/components/schemas/Event")


def test_gangs_leave_the_same_address_on_several_accounts() -> None:
    seen: Counter[str] = Counter()
    for seed in (1, 2):
        for client in world(seed):
            seen.update({s.label for s in client.account.standing if s.kind == "withdrawal_address"})
    assert max(seen.values()) >= 2


def test_a_day_has_a_night() -> None:
    """People sleep: of their sign-ins, few fall into the four hours after two in the morning."""
    for client in world(2):
        if client.truth["scenario"] == "none":
            offset = atlas().cities[_home(client)].offset_h
            home = [e for e in logins(client.events) if e["source.geo.city_name"] == _home(client)]
            hours = [(at(e) / 3.6e9 + offset) % 24 for e in home]
            assert sum(2 <= h < 6 for h in hours) <= len(hours) * 0.15


@pytest.mark.long
@pytest.mark.parametrize("seed", [2])
def test_the_table_of_the_docs_is_computed(seed: int) -> None:
    docs = (contract.PATH.parents[1] / "sandbox.md").read_text(encoding="utf-8")
    counts = confusion(seed)
    assert counts.row(seed) in docs.splitlines()
    assert counts.hostile_low and counts.innocent_high, "an engine that is always right teaches nothing"
