"""The front door, as clients use it: signing in, signing out, a new password, a withdrawal.

Not part of the contract: this is what makes an act's effect visible. A locked account refuses until it is
unlocked; a client without the factor gets in only when it is gone; a hold refuses withdrawals.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec
import pyotp

from workstation.sandbox.acts import EXCHANGE, REST_US, add_hold, add_lock, end_all_sessions, settled
from workstation.sandbox.atlas import Device, Spot
from workstation.sandbox.cast import MINUTE, new_totp_key
from workstation.sandbox.heads import Actor, Secret
from workstation.sandbox.letters import code_message
from workstation.sandbox.problems import Problem
from workstation.sandbox.store import Record, Tx
from workstation.sandbox.vocabulary import token
from workstation.services.accounts.model import Factor, LockKind, Session, Status
from workstation.services.clock import from_micros

#: Wrong passwords or codes in a row until the account locks itself (NIST SP 800-63B-4, 3.2.2, allows up to 100).
TRIES = 5
#: A one-time password's time step in seconds and how many steps a clock may be off (RFC 6238, 4.1 and 6).
STEP_S, DRIFT = 30, 1
SMS_US = 10 * MINUTE


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody at the door: what he says, and where he comes from as far as it is known."""

    username: str
    password: str
    factor_code: str = ""
    device: Device | None = None
    spot: Spot | None = None


def sign_in(tx: Tx, attempt: Attempt) -> Session | Problem:
    """Let somebody in, or say why not. Every attempt on an account that exists leaves an event.

    A refusal is returned, not raised, because the transaction has to be committed: the event and the count
    of failures are its effects.
    """
    found = tx.by_username(attempt.username)
    if found is None:
        return Problem(401, "wrong_password", "User name or password is wrong.")
    record = settled(tx, found.account.id)
    if record.account.status is not Status.ACTIVE:
        tx.emit(record.account, "sign_in", outcome="failure", reason="locked", **_where(attempt))
        return Problem(403, "locked", "The account is locked.")
    if not hmac.compare_digest(attempt.password.encode(), record.head.password.encode()):
        return _failed(tx, record, attempt, "wrong_password", "User name or password is wrong.")
    factor = _factor(tx, record, attempt.factor_code)
    if isinstance(factor, Problem):
        if attempt.factor_code:
            return _failed(tx, record, attempt, "wrong_factor_code", "The code is wrong or was used before.")
        tx.save(record)
        tx.emit(record.account, "sign_in", outcome="failure", reason=factor.code, **_where(attempt))
        return factor
    return _let_in(tx, record, attempt, factor)


def session_lives(tx: Tx, session: str) -> tuple[str, bool]:
    """Return whose a session is and whether it lives.

    Raises:
        Problem: 404, it never was.
    """
    row = tx.sql.execute("SELECT account, ended_us FROM session WHERE id = ?", (session,)).fetchone()
    if row is None:
        raise Problem(404, "unknown-session", "There is no such session.")
    return row[0], row[1] is None


def reset_password(tx: Tx, secret: str, password: str) -> str:
    """Set a new password by a link from a mail and return the account; every device is signed out.

    Raises:
        Problem: 403, the link is unknown, used or too old; 400, the password is too short.
    """
    if len(password) < 8:
        raise Problem(400, "short-password", "A password has at least eight characters.")
    digest = hashlib.sha256(secret.encode()).hexdigest()
    row = tx.sql.execute("SELECT account, until_us, used_us FROM reset_link WHERE token = ?", (digest,)).fetchone()
    if row is None or row[1] <= tx.now_us or row[2] is not None:
        raise Problem(403, "bad-link", "The link is unknown, used or too old.")
    record = settled(tx, row[0])
    tx.sql.execute("UPDATE reset_link SET used_us = ? WHERE token = ?", (tx.now_us, digest))
    record.head.password = password
    record.head.failures = 0
    record.account = msgspec.structs.replace(record.account, password_changed_at=from_micros(tx.now_us))
    tx.emit(record.account, "password.reset")
    end_all_sessions(tx, record, "password reset")
    add_hold(
        tx, record, "password_change", "Withdrawals rest after a password reset.", tx.now_us + REST_US, actor=EXCHANGE
    )
    tx.save(record)
    return str(row[0])


def withdraw(tx: Tx, session: str, address: str, usd: float) -> str | Problem:
    """Send money away and return the event's id, or say why not.

    Refused (and logged) while there is a hold or lock; the address must be on the account's list.

    Raises:
        Problem: 401, the session is over; 404, it never was.
    """
    account, lives = session_lives(tx, session)
    if not lives:
        raise Problem(401, "session-over", "Sign in again.")
    record = settled(tx, account)
    known = {s.label for s in record.account.standing if s.kind == "withdrawal_address"}
    balance = record.account.balance_usd or 0.0
    refusal = None
    if record.account.status is not Status.ACTIVE:
        refusal = Problem(403, "locked", "The account is locked.")
    elif record.account.holds:
        refusal = Problem(403, "held", record.account.holds[0].reason)
    elif address not in known:
        refusal = Problem(409, "unknown-address", "This address is not on the account's list.")
    elif usd > balance:
        refusal = Problem(409, "not-enough", "The balance is smaller than that.")
    words = f"{usd:,.2f} USD"
    if refusal is not None:
        tx.emit(record.account, "withdrawal.refused", outcome="failure", reason=f"{refusal.code}: {words}",
                session=session, target=address)  # fmt: skip
        return refusal
    record.account = msgspec.structs.replace(record.account, balance_usd=round(balance - usd, 2))
    tx.save(record)
    return tx.emit(record.account, "withdrawal.completed", reason=words, session=session, target=address)


def code_at_hand(tx: Tx, record: Record, actor: Actor) -> str:
    """Return the code that `actor` can type now, ``""`` where he has none; one-time passwords are really computed."""
    for factor in record.account.factors:
        secret = record.head.secrets.get(factor.id)
        if secret is None:
            continue
        if secret.kind == "sms" and secret.secret in actor.phones and secret.sent is not None:
            return secret.sent[0]
        if factor.id in actor.factors and secret.kind == "totp":
            # Nobody types a code twice: whoever has just used one waits for the next.
            step = max(tx.now_us // 1_000_000 // STEP_S, secret.used_step + 1)
            return pyotp.TOTP(secret.secret, interval=STEP_S).at(step * STEP_S)
        if factor.id in actor.factors and secret.codes:
            return secret.codes[0]
    return ""


def enrol_totp(tx: Tx, record: Record, label: str) -> str:
    """Set up a new one-time password and return the factor's id."""
    made = Factor(id=f"fa-{token(tx.rng, 8)}", kind="totp", label=label, enrolled_at=from_micros(tx.now_us))
    record.head.secrets[made.id] = Secret(kind="totp", secret=new_totp_key(tx.rng))
    record.account = msgspec.structs.replace(record.account, factors=(*record.account.factors, made))
    tx.emit(record.account, "second_factor.added", factor="totp", target=made.id)
    return made.id


def _factor(tx: Tx, record: Record, code: str) -> Factor | Problem | None:
    """Return the factor that `code` proves, None where none is asked for.

    Recovery codes stand in for another factor and are not asked for alone. Passkeys are not asked for here: they
    cannot be used by typing, so an account with nothing else is let in as with none.
    """
    asked = [f for f in record.account.factors if f.id in record.head.secrets and f.kind != "passkey"]
    if all(f.kind == "recovery_codes" for f in asked):
        return None
    for factor in asked if code else ():
        if _proves(tx, record.head.secrets[factor.id], code):
            return factor
    if not code:
        _send_codes(tx, record, asked)
    return Problem(401, "factor_required", "A code of the second factor is needed.")


def _proves(tx: Tx, secret: Secret, code: str) -> bool:
    if secret.kind == "totp":
        now = tx.now_us // 1_000_000 // STEP_S
        for step in range(now - DRIFT, now + DRIFT + 1):
            right = pyotp.TOTP(secret.secret, interval=STEP_S).at(step * STEP_S)
            if step > secret.used_step and hmac.compare_digest(right.encode(), code.encode()):
                secret.used_step = step
                return True
    elif secret.kind == "sms" and secret.sent is not None:
        if secret.sent[1] > tx.now_us and hmac.compare_digest(secret.sent[0].encode(), code.encode()):
            secret.sent = None
            return True
    elif code in secret.codes:
        secret.codes.remove(code)
        return True
    return False


def _send_codes(tx: Tx, record: Record, asked: list[Factor]) -> None:
    for factor in asked:
        secret = record.head.secrets[factor.id]
        if secret.kind == "sms":
            code = f"{tx.rng.randrange(1_000_000):06d}"
            secret.sent = (code, tx.now_us + SMS_US)
            tx.send("sms", secret.secret, code_message(secret.secret, code, tx.now_us))


def _failed(tx: Tx, record: Record, attempt: Attempt, code: str, words: str) -> Problem:
    record.head.failures += 1
    tx.emit(record.account, "sign_in", outcome="failure", reason=code, **_where(attempt))
    if record.head.failures >= TRIES:
        record.head.failures = 0
        add_lock(tx, record, LockKind.FAILED_SIGN_INS, f"{TRIES} failed sign-ins in a row.", actor=EXCHANGE)
    tx.save(record)
    return Problem(401, code, words)


def _let_in(tx: Tx, record: Record, attempt: Attempt, factor: Factor | None) -> Session:
    now = from_micros(tx.now_us)
    session = Session(
        id="s-" + token(tx.rng, 10),
        started_at=now,
        last_seen_at=now,
        ip=attempt.spot.ip if attempt.spot else "",
        device=attempt.device.id if attempt.device else "",
        country=attempt.spot.country if attempt.spot else "",
    )
    factors = tuple(
        msgspec.structs.replace(f, last_used_at=now) if factor is not None and f.id == factor.id else f
        for f in record.account.factors
    )
    record.head.failures = 0
    record.account = msgspec.structs.replace(
        record.account, sessions=(*record.account.sessions, session), factors=factors
    )
    tx.sql.execute("INSERT INTO session(id, account) VALUES (?, ?)", (session.id, record.account.id))
    tx.save(record)
    kind = factor.kind if factor is not None else ""
    tx.emit(record.account, "sign_in", session=session.id, factor=kind, **_where(attempt))
    return session


def _where(attempt: Attempt) -> dict[str, Device | Spot | None]:
    return {"device": attempt.device, "spot": attempt.spot}
