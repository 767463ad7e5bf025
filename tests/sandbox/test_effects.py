"""Acts have effects: who gets in, what leaves, what lives on. Everything goes through the door."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest

from workstation.sandbox.door import TRIES, code_at_hand
from workstation.services.accounts.model import LockKind

from .conftest import House


def totp(house: House, account: str) -> str:
    """The code that the owner's phone would show now."""
    secret = next(s for s in house.head(account).secrets.values() if s.kind == "totp")
    return pyotp.TOTP(secret.secret).at(house.now_us // 1_000_000)


async def test_a_locked_account_refuses_until_it_is_unlocked(house: House) -> None:
    account = house.account_of("false_positive_lock")
    assert [lock.kind for lock in house.record(account).account.locks] == [LockKind.SECURITY]
    refused = await house.sign_in(account)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "locked")
    assert (await house.act(account, "unlock")).status_code == 200
    answer = await house.sign_in(account)
    if answer.status_code == 401:
        answer = await house.sign_in(account, code=code_of(house, account))
    assert answer.status_code == 200
    assert await house.session_lives(answer.json()["session"])


def code_of(house: House, account: str) -> str:
    """Whatever code the account's owner could type now."""
    record = house.record(account)
    with house.store.read() as tx:
        tx.now_us = house.now_us
        return code_at_hand(tx, record, record.head.client)


async def test_a_staff_lock_shuts_the_door_and_the_till(house: House) -> None:
    account = house.account_of("stolen_session")
    await house.act(account, "lock")
    assert (await house.sign_in(account)).status_code == 403
    record = house.record(account).account
    session, address = record.sessions[0].id, record.standing[0].label
    body = {"session": session, "address": address, "usd": 1.0}
    assert (await house.http.post("/sandbox/withdraw", json=body)).status_code == 403


async def test_five_wrong_passwords_lock_the_account(house: House) -> None:
    account = house.account_of("family_device")
    for n in range(TRIES):
        assert house.record(account).account.status == "active", n
        assert (await house.sign_in(account, "not-it-at-all")).status_code == 401
    record = house.record(account).account
    assert [lock.kind for lock in record.locks] == [LockKind.FAILED_SIGN_INS]
    assert [r for a, o, r in house.actions(account)[-TRIES - 1 :] if a == "sign_in"] == ["wrong_password"] * TRIES
    assert (await house.sign_in(account)).status_code == 403
    await house.act(account, "unlock")
    assert (await house.sign_in(account, "not-it-at-all")).status_code == 401
    assert house.record(account).account.status == "active"


async def test_a_success_forgets_the_failures(house: House) -> None:
    account = house.account_of("new_phone_and_number")
    for _ in range(2):
        for _ in range(TRIES - 1):
            await house.sign_in(account, "not-it-at-all")
        house.wait(31)
        assert (await house.sign_in(account, code=totp(house, account))).status_code == 200
    assert house.record(account).account.status == "active"


async def test_without_the_factor_only_its_removal_helps(house: House) -> None:
    account = house.account_of("lost_phone")
    first = await house.sign_in(account)
    assert (first.status_code, first.json()["type"].rpartition("/")[2]) == (401, "factor_required")
    assert (await house.sign_in(account, code="000000")).status_code == 401
    totp_id = next(f.id for f in house.record(account).account.factors if f.kind == "totp")
    assert (await house.act(account, "remove_factor", {"factor": totp_id})).status_code == 200
    assert (await house.sign_in(account)).status_code == 200


async def test_a_one_time_password_is_real_and_good_once(house: House) -> None:
    account = house.account_of("new_phone_and_number")
    code = totp(house, account)
    assert (await house.sign_in(account, code=code)).status_code == 200
    assert (await house.sign_in(account, code=code)).status_code == 401
    house.wait(31)
    assert (await house.sign_in(account, code=totp(house, account))).status_code == 200
    house.wait(120)
    assert (await house.sign_in(account, code=code)).status_code == 401


async def test_a_code_by_short_message_goes_to_the_number(house: House) -> None:
    account = house.account_of("sim_swap")
    assert (await house.sign_in(account)).status_code == 401
    house.post.deliver(house.now_us)
    number = next(s.secret for s in house.head(account).secrets.values() if s.kind == "sms")
    message = next((house.directory / "mail" / "phones" / number / "new").iterdir()).read_text()
    code = next(word.strip(".") for word in message.split() if word.strip(".").isdigit() and len(word.strip(".")) == 6)
    assert (await house.sign_in(account, code=code)).status_code == 200
    assert (await house.sign_in(account, code=code)).status_code == 401


async def test_ending_sessions_really_ends_them(house: House) -> None:
    account = house.account_of("stolen_session")
    live = [s.id for s in house.record(account).account.sessions]
    assert live
    assert all([await house.session_lives(s) for s in live])
    await house.act(account, "end_sessions")
    assert not any([await house.session_lives(s) for s in live])
    assert (await house.account(account)).sessions == ()
    address = house.record(account).account.standing[0].label
    body = {"session": live[0], "address": address, "usd": 1.0}
    assert (await house.http.post("/sandbox/withdraw", json=body)).status_code == 401
    assert (await house.http.get("/sandbox/session/s-0000000000")).status_code == 404


async def test_a_hold_keeps_the_money_until_it_is_lifted(house: House) -> None:
    account = house.account_of("stolen_session")
    record = house.record(account).account
    session, address, before = record.sessions[0].id, record.standing[0].label, record.balance_usd or 0.0
    body = {"session": session, "address": address, "usd": 5.0}
    await house.act(account, "freeze_withdrawals")
    refused = await house.http.post("/sandbox/withdraw", json=body)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "held")
    hold = house.record(account).account.holds[0].id
    assert (await house.act(account, "lift_hold", {"hold": hold})).status_code == 200
    assert (await house.http.post("/sandbox/withdraw", json=body)).status_code == 200
    assert house.record(account).account.balance_usd == round(before - 5.0, 2)
    for bad, status in (({"address": "bc1qother"}, 409), ({"usd": 1e11}, 409), ({"usd": -1.0}, 400)):
        assert (await house.http.post("/sandbox/withdraw", json=body | bad)).status_code == status


async def test_money_rests_after_a_factor_was_removed(house: House) -> None:
    account = house.account_of("lost_phone")
    factor = house.record(account).account.factors[0].id
    await house.act(account, "remove_factor", {"factor": factor})
    assert [h.kind for h in house.record(account).account.holds] == ["factor_change"]
    etag = (await house.account(account)).etag
    house.wait(48 * 3600 + 60)
    after = await house.account(account)
    assert after.holds == ()
    assert after.etag != etag
    assert ("hold.lifted", "success", "factor_change: ran out") in house.actions(account)


async def test_a_reset_goes_by_mail_and_works_once(house: House) -> None:
    account = house.account_of("forgotten_password")
    await house.act(account, "unlock")
    assert (await house.act(account, "send_password_reset")).status_code == 200
    house.post.deliver(house.now_us)
    address = next(c.value for c in house.record(account).account.contacts if c.kind == "email")
    box = house.directory / "mail" / "clients" / address / "new"
    mail = next(box.iterdir()).read_text(encoding="utf-8")
    secret = mail.partition("token=")[2].split()[0]
    sessions = [s.id for s in house.record(account).account.sessions]

    async def reset(token: str, password: str) -> int:
        return (await house.http.post("/sandbox/reset", json={"token": token, "password": password})).status_code

    assert await reset("0" * 26, "a-new-password") == 403
    assert await reset(secret, "short") == 400
    assert await reset(secret, "a-new-password") == 200
    assert await reset(secret, "another-password") == 403
    assert not any([await house.session_lives(s) for s in sessions])
    answer = await house.sign_in(account, "a-new-password")
    assert answer.status_code in (200, 401) and answer.json().get("type", "").rpartition("/")[2] in (
        "",
        "factor_required",
    )


async def test_a_link_ends_after_half_an_hour(house: House) -> None:
    account = house.account_of("false_positive_lock")
    await house.act(account, "send_password_reset")
    with house.store.read() as tx:
        raw = tx.sql.execute("SELECT raw FROM letter WHERE channel = 'mail'").fetchone()[0].decode()
    house.clock.move(timedelta(minutes=31))
    body = {"token": raw.partition("token=")[2].split()[0], "password": "a-new-password"}
    assert (await house.http.post("/sandbox/reset", json=body)).status_code == 403


async def test_the_clients_own_lock_stays(house: House) -> None:
    account = house.account_of("own_settings_lock")
    assert (await house.act(account, "remove_client_lock")).status_code == 403
    assert (await house.act(account, "unlock")).status_code == 409
    await house.act(account, "lock")
    assert (await house.act(account, "unlock")).status_code == 200
    assert [lock.kind for lock in house.record(account).account.locks] == [LockKind.CLIENT]
    assert (await house.sign_in(account)).status_code == 403


async def test_a_recovery_code_stands_in_once(house: House) -> None:
    account = next(
        t["account"]
        for t in house.truth
        if {"totp", "recovery_codes"} <= {f.kind for f in house.record(t["account"]).account.factors}
        and house.record(t["account"]).account.status == "active"
    )
    code = next(s.codes[0] for s in house.head(account).secrets.values() if s.codes)
    assert (await house.sign_in(account, code=code)).status_code == 200
    assert (await house.sign_in(account, code=code)).status_code == 401


class TestPeopleTryByThemselves:
    async def test_nobody_types_a_code_twice(self, house: House) -> None:
        account = house.account_of("new_phone_and_number")
        for _ in range(3):
            await house.act(account, "lock")
            await house.act(account, "unlock")
            house.wait(12)
        tried = [(o, r) for a, o, r in house.actions(account)[-12:] if a == "sign_in"]
        assert tried[-3:] == [("success", "")] * 3

    async def test_after_an_unlock_the_client_is_in_within_seconds(self, house: House) -> None:
        account = house.account_of("false_positive_lock")
        await house.act(account, "unlock")
        house.wait(8)
        assert len((await house.account(account)).sessions) == 1
        assert house.actions(account)[-1][:2] == ("sign_in", "success")

    async def test_without_his_phone_he_fails_and_without_the_factor_he_is_in(self, house: House) -> None:
        account = house.account_of("lost_phone")
        await house.act(account, "lock")
        await house.act(account, "unlock")
        house.wait(8)
        assert house.actions(account)[-1] == ("sign_in", "failure", "factor_required")
        for factor in house.record(account).account.factors:
            await house.act(account, "remove_factor", {"factor": factor.id})
        house.wait(8)
        done = [a for a, _, _ in house.actions(account)[-3:]]
        assert "sign_in" in done and "second_factor.added" in done
        assert [f.kind for f in (await house.account(account)).factors] == ["totp"]

    async def test_an_impostor_who_is_believed_gets_in(self, house: House) -> None:
        account = house.account_of("impostor")
        for factor in house.record(account).account.factors:
            await house.act(account, "remove_factor", {"factor": factor.id})
        house.wait(15)
        intruder = house.head(account).intruder
        assert intruder is not None
        assert intruder.device.id in {s.device for s in (await house.account(account)).sessions}

    async def test_an_impostor_who_is_not_believed_stays_out(self, house: House) -> None:
        account = house.account_of("impostor")
        await house.act(account, "lock")
        await house.act(account, "unlock")
        house.wait(15)
        intruder = house.head(account).intruder
        assert intruder is not None
        assert intruder.device.id not in {s.device for s in (await house.account(account)).sessions}
        assert [r for a, o, r in house.actions(account)[-2:] if o == "failure"] == ["factor_required"]

    async def test_a_reset_to_a_taken_mailbox_is_the_intruders(self, house: House) -> None:
        account = next(
            t["account"]
            for t in house.truth
            if t["scenario"] == "mailbox_first" and len(house.record(t["account"]).account.contacts) > 2
        )
        await house.act(account, "send_password_reset")
        house.wait(15)
        head = house.head(account)
        assert head.intruder is not None
        assert head.password == head.intruder.password != head.client.password

    async def test_a_reset_to_the_clients_mailbox_is_the_clients(self, house: House) -> None:
        account = house.account_of("forgotten_password")
        await house.act(account, "unlock")
        house.wait(8)
        assert house.actions(account)[-1] == ("sign_in", "failure", "wrong_password")
        await house.act(account, "send_password_reset")
        house.wait(8)
        head = house.head(account)
        assert head.password == head.client.password
        assert house.actions(account)[-1][:2] == ("sign_in", "success")


@pytest.mark.parametrize("path", ["/sandbox/signin", "/sandbox/reset", "/sandbox/withdraw"])
async def test_the_door_refuses_nonsense(house: House, path: str) -> None:
    assert (await house.http.post(path, json={"x": 1})).status_code == 400
    assert (await house.http.get(path)).status_code == 405
    assert (await house.http.post("/sandbox/signin", json={"username": "nobody", "password": "x"})).status_code == 401
