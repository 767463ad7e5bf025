"""What staff can do to an account, and what the exchange itself adds to it.

After a second factor was removed or a password was reset, withdrawals rest for 48 hours: exchanges do that
(Coinbase publishes "up to 48 h"), and our own mails to clients say so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

from workstation.sandbox.cast import HOUR, MINUTE
from workstation.sandbox.letters import reset_mail
from workstation.sandbox.problems import Problem
from workstation.sandbox.store import Record, Tx
from workstation.sandbox.vocabulary import token
from workstation.services.accounts.model import ContactKind, Hold, Lock, LockKind, Status
from workstation.services.acts.control import Act
from workstation.services.clock import from_micros, parse_instant, to_micros

#: Who acts through the contract's API.
STAFF = ("staff-api", "account control")
EXCHANGE = ("exchange", "exchange")
REST_US = 48 * HOUR
#: A reset link is good for this long (OWASP Forgot Password Cheat Sheet: short, single use).
LINK_US = 30 * MINUTE
SECOND = 1_000_000


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the contract answers to an act."""

    key: str
    act: Act
    account: str
    status: str
    reference: str
    etag: str


def perform(
    tx: Tx, account: str, key: str, etag: str, act: Act, params: dict[str, str], reason: str, request: bytes
) -> bytes:
    """Do `act` once and return the receipt's JSON; the same key with the same request gets the same bytes.

    Args:
        tx: a writing transaction.
        account: the account's id.
        key: the idempotency key.
        etag: the version that the caller saw.
        act: what to do.
        params: ``{"hold": id}``, ``{"factor": id}``, ``{"until": time}`` (a freeze that ends) or empty.
        reason: kept in the log.
        request: SHA-256 of account and body, to tell a retry from another request.

    Raises:
        Problem: 404, 422 (the key was used for something else), 412, 403 or 409.
    """
    record = settled(tx, account)
    known = tx.sql.execute("SELECT request, body FROM receipt WHERE key = ?", (key,)).fetchone()
    if known is not None:
        if known[0] != request:
            raise Problem(422, "key-reused", "This idempotency key was used for another request.")
        return bytes(known[1])
    if act is Act.REMOVE_CLIENT_LOCK:
        raise Problem(403, "client-lock", "The client's own lock binds staff too; nobody can remove it.")
    if etag != record.account.etag:
        raise Problem(412, "stale", "The account is of another version now; nothing was done.")
    if record.account.status is Status.CLOSED:
        raise Problem(409, "closed", "The account is closed.")
    _DO[act](tx, record, params, reason)
    tx.save(record)
    _followed(tx, record, act)
    body = msgspec.json.encode(_receipt(tx, record, key, act))
    tx.sql.execute("INSERT INTO receipt VALUES (?, ?, ?)", (key, request, body))
    return body


def fingerprint(account: str, body: dict[str, Any]) -> bytes:
    """Return the SHA-256 of what was asked of which account, whatever the order of the body's members."""
    return hashlib.sha256(msgspec.json.encode([account, body], order="sorted")).digest()


def settled(tx: Tx, account: str) -> Record:
    """Load an account and take off the locks and holds whose time is over.

    Raises:
        Problem: 404, there is no such account.
    """
    record = tx.load(account)
    if record is None:
        raise Problem(404, "unknown-account", "There is no such account.")
    if not run_out(record, tx.now_us):
        return record
    now, was = from_micros(tx.now_us), record.account
    for lock in was.locks:
        if lock.until is not None and lock.until <= now:
            tx.emit(was, "account.unlocked", reason=f"{lock.kind}: ran out", target=lock.id, actor=EXCHANGE)
    for hold in was.holds:
        if hold.until is not None and hold.until <= now:
            tx.emit(was, "hold.lifted", reason=f"{hold.kind}: ran out", target=hold.id, actor=EXCHANGE)
    record.account = msgspec.structs.replace(
        was,
        locks=tuple(x for x in was.locks if x.until is None or x.until > now),
        holds=tuple(x for x in was.holds if x.until is None or x.until > now),
    )
    tx.save(record)
    return record


def run_out(record: Record, now_us: int) -> bool:
    """Return whether a lock or hold of the account has come to its end."""
    now = from_micros(now_us)
    ends = [*(x.until for x in record.account.locks), *(x.until for x in record.account.holds)]
    return any(until is not None and until <= now for until in ends)


def add_lock(tx: Tx, record: Record, kind: LockKind, reason: str, **who: Any) -> None:
    """Lock the account."""
    lock = Lock(id=f"lk-{token(tx.rng, 8)}", kind=kind, set_at=from_micros(tx.now_us), reason=reason)
    record.account = msgspec.structs.replace(record.account, locks=(*record.account.locks, lock))
    tx.emit(record.account, "account.locked", reason=f"{kind}: {reason}", target=lock.id, **who)


def add_hold(tx: Tx, record: Record, kind: str, reason: str, until_us: int | None = None, **who: Any) -> None:
    """Stop withdrawals."""
    until = None if until_us is None else from_micros(until_us)
    hold = Hold(id=f"hd-{token(tx.rng, 8)}", kind=kind, set_at=from_micros(tx.now_us), reason=reason, until=until)
    record.account = msgspec.structs.replace(record.account, holds=(*record.account.holds, hold))
    tx.emit(record.account, "hold.placed", reason=f"{kind}: {reason}", target=hold.id, **who)


def end_all_sessions(tx: Tx, record: Record, reason: str, **who: Any) -> None:
    """Sign every device out."""
    for session in record.account.sessions:
        tx.sql.execute("UPDATE session SET ended_us = ? WHERE id = ?", (tx.now_us, session.id))
        tx.emit(record.account, "session.ended", reason=reason, session=session.id, **who)
    record.account = msgspec.structs.replace(record.account, sessions=())


# -- the acts ----------------------------------------------------------------------------------------


def _lock(tx: Tx, record: Record, params: dict[str, str], reason: str) -> None:
    if all(lock.kind is not LockKind.STAFF for lock in record.account.locks):
        add_lock(tx, record, LockKind.STAFF, reason, actor=STAFF)


def _freeze(tx: Tx, record: Record, params: dict[str, str], reason: str) -> None:
    until_us = to_micros(parse_instant(params["until"])) if "until" in params else None
    until = None if until_us is None else from_micros(until_us)
    if until_us is not None and until_us <= tx.now_us:
        raise Problem(409, "past", "That time is over.")
    held = [hold for hold in record.account.holds if hold.kind == "staff"]
    if all(hold.until is not None and (until is None or hold.until < until) for hold in held):
        add_hold(tx, record, "staff", reason, until_us, actor=STAFF)


def _end_sessions(tx: Tx, record: Record, params: dict[str, str], reason: str) -> None:
    end_all_sessions(tx, record, reason, actor=STAFF)


def _unlock(tx: Tx, record: Record, params: dict[str, str], reason: str) -> None:
    gone = [lock for lock in record.account.locks if lock.kind is not LockKind.CLIENT]
    if not gone:
        raise Problem(409, "not-locked", "There is no lock that staff may remove.")
    for lock in gone:
        tx.emit(record.account, "account.unlocked", reason=reason, target=lock.id, actor=STAFF)
    stays = tuple(lock for lock in record.account.locks if lock.kind is LockKind.CLIENT)
    record.account = msgspec.structs.replace(record.account, locks=stays)
    record.head.failures = 0


def _lift_hold(tx: Tx, record: Record, params: dict[str, str], reason: str) -> None:
    stays = tuple(hold for hold in record.account.holds if hold.id != params["hold"])
    if len(stays) == len(record.account.holds):
        raise Problem(409, "unknown-hold", "The account has no such hold.")
    record.account = msgspec.structs.replace(record.account, holds=stays)
    tx.emit(record.account, "hold.lifted", reason=reason, target=params["hold"], actor=STAFF)


def _remove_factor(tx: Tx, record: Record, params: dict[str, str], reason: str) -> None:
    gone = next((f for f in record.account.factors if f.id == params["factor"]), None)
    if gone is None:
        raise Problem(409, "unknown-factor", "The account has no such second factor.")
    stays = tuple(f for f in record.account.factors if f is not gone)
    record.account = msgspec.structs.replace(record.account, factors=stays)
    record.head.secrets.pop(gone.id, None)
    tx.emit(record.account, "second_factor.removed", reason=reason, factor=gone.kind, target=gone.id, actor=STAFF)
    add_hold(
        tx, record, "factor_change", "Withdrawals rest after a second factor was removed.",
        tx.now_us + REST_US, actor=EXCHANGE,
    )  # fmt: skip


def _send_reset(tx: Tx, record: Record, params: dict[str, str], reason: str) -> None:
    address = next(
        (
            c.value
            for c in reversed(record.account.contacts)
            if c.kind is ContactKind.EMAIL and c.verified_at is not None and c.replaced_at is None
        ),
        None,
    )
    if address is None:
        raise Problem(409, "no-address", "The account has no verified e-mail address.")
    secret = token(tx.rng, 26)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    tx.sql.execute("INSERT INTO reset_link VALUES (?, ?, ?, NULL)", (digest, record.account.id, tx.now_us + LINK_US))
    tx.send("mail", address, reset_mail(record.account, address, secret, tx.now_us))
    tx.emit(record.account, "password.reset_requested", reason=reason, actor=STAFF)


_DO: dict[Act, Callable[[Tx, Record, dict[str, str], str], None]] = {
    Act.LOCK: _lock,
    Act.FREEZE_WITHDRAWALS: _freeze,
    Act.END_SESSIONS: _end_sessions,
    Act.UNLOCK: _unlock,
    Act.LIFT_HOLD: _lift_hold,
    Act.REMOVE_FACTOR: _remove_factor,
    Act.SEND_PASSWORD_RESET: _send_reset,
}


def _followed(tx: Tx, record: Record, act: Act) -> None:
    """Let the people around the account notice: they try by themselves, seconds later."""
    what = {Act.UNLOCK: "sign_in", Act.REMOVE_FACTOR: "sign_in", Act.SEND_PASSWORD_RESET: "reset"}.get(act)
    if what is None:
        return
    tx.errand(record.account.id, "client", what, tx.rng.randrange(2 * SECOND, 6 * SECOND))
    if record.head.intruder is not None and record.head.intruder.keen:
        tx.errand(record.account.id, "intruder", what, tx.rng.randrange(7 * SECOND, 12 * SECOND))


def _receipt(tx: Tx, record: Record, key: str, act: Act) -> Receipt:
    number = tx.sql.execute("SELECT count(*) FROM receipt").fetchone()[0] + 1
    return Receipt(
        key=key,
        act=act,
        account=record.account.id,
        status="done",
        reference=f"AC-{number:06d}",
        etag=record.account.etag,
    )
