"""What people do by themselves after an act: they try the door, or follow the link in their mail.

Everything goes through the same door as anybody else's attempt, so the timeline shows the effect, or that
there was none.
"""

from __future__ import annotations

import random
import re

from workstation.sandbox.cast import new_password
from workstation.sandbox.door import Attempt, code_at_hand, enrol_totp, reset_password, sign_in
from workstation.sandbox.heads import Actor
from workstation.sandbox.problems import Problem
from workstation.sandbox.store import Record, Store, Tx
from workstation.services.accounts.model import Session

_LINK = re.compile(rb"reset\?token=([0-9A-Z]{26})")


def run_due(store: Store, now_us: int, rng: random.Random) -> int:
    """Do every errand whose time has come, each in a transaction of its own; returns how many."""
    with store.read() as tx:
        query = "SELECT id, account, who, what FROM errand WHERE done = 0 AND due_us <= ? ORDER BY due_us, id"
        due = tx.sql.execute(query, (now_us,)).fetchall()
    for number, account, who, what in due:
        with store.write(now_us, rng) as tx:
            taken = tx.sql.execute("UPDATE errand SET done = 1 WHERE id = ? AND done = 0", (number,))
            if taken.rowcount:
                _run(tx, account, who, what)
    return len(due)


def _run(tx: Tx, account: str, who: str, what: str) -> None:
    if what == "reset" and not _follow_link(tx, account, who):
        return
    result = _try(tx, account, who)
    if isinstance(result, Problem) and result.code == "factor_required":
        # The refusal may have sent a code to a phone; whoever holds it types it in.
        result = _try(tx, account, who, must_have_code=True)
    if isinstance(result, Session):
        _set_up_again(tx, account, who)


def _try(tx: Tx, account: str, who: str, *, must_have_code: bool = False) -> Session | Problem | None:
    record, actor = _who(tx, account, who)
    code = code_at_hand(tx, record, actor)
    if must_have_code and not code:
        return None
    attempt = Attempt(
        username=record.account.username,
        password=actor.password,
        factor_code=code,
        device=actor.device,
        spot=actor.spot,
    )
    return sign_in(tx, attempt)


def _follow_link(tx: Tx, account: str, who: str) -> bool:
    """Use the newest link in a mailbox that this person reads; returns whether it worked."""
    record, actor = _who(tx, account, who)
    for address in actor.mailboxes:
        query = "SELECT raw FROM letter WHERE channel = 'mail' AND address = ? ORDER BY id DESC LIMIT 1"
        row = tx.sql.execute(query, (address,)).fetchone()
        found = _LINK.search(row[0]) if row else None
        if found is None:
            continue
        password = new_password(tx.rng)
        try:
            reset_password(tx, found[1].decode(), password)
        except Problem:  # somebody else was faster
            return False
        record, actor = _who(tx, account, who)
        actor.password = password
        tx.save(record)
        return True
    return False


def _set_up_again(tx: Tx, account: str, who: str) -> None:
    record, actor = _who(tx, account, who)
    if actor.replaces and all(f.kind not in ("totp", "sms") for f in record.account.factors):
        actor.factors = (*actor.factors, enrol_totp(tx, record, "Authenticator"))
        actor.replaces = False
        tx.save(record)


def _who(tx: Tx, account: str, who: str) -> tuple[Record, Actor]:
    record = tx.load(account)
    assert record is not None
    actor = record.head.client if who == "client" else record.head.intruder
    assert actor is not None
    return record, actor
