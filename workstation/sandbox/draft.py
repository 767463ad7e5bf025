"""An account while its past is being written: everything that happens leaves its events and its traces.

A :class:`Draft` is what habits and scenarios write with. Each method is one thing that happens at one
moment: it appends the events and changes the account as the exchange itself would have.
"""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

from workstation.sandbox.atlas import Atlas, Device, Spot
from workstation.sandbox.cast import MINUTE, Person, contacts_of, factor, new_address, new_totp_key
from workstation.sandbox.heads import Actor, Head, Secret, Statement, Story
from workstation.sandbox.vocabulary import ACTIONS, LEDGER, event, token
from workstation.services.accounts.model import (
    Account,
    Contact,
    ContactKind,
    Factor,
    Hold,
    Lock,
    LockKind,
    Session,
    SimState,
    Standing,
    Status,
)
from workstation.services.clock import from_micros, parse_instant
from workstation.services.text import mask_email, mask_tail

#: Who acts when no client does.
EXCHANGE = ("exchange", "exchange")
#: Kinds of `standing` of which the exchange lists every one.
TELLS = ("api_key", "withdrawal_address")
PRICES = {"BTC": 67_000.0, "ETH": 3_400.0, "SOL": 150.0}


class Draft:
    """An account under construction.

    Args:
        person: whose it is.
        rng: where chance comes from.
        atlas: the world.
        now_us: the present; nothing may happen after it.
    """

    def __init__(self, person: Person, rng: random.Random, atlas: Atlas, now_us: int) -> None:
        self.person, self.rng, self.atlas, self.now_us = person, rng, atlas, now_us
        self.events: list[dict[str, Any]] = []
        self.contacts = contacts_of(person)
        self.locks: list[Lock] = []
        self.holds: list[Hold] = []
        self.factors: list[Factor] = []
        self.sessions: dict[str, Session] = {}
        self.standing: list[Standing] = []
        self.secrets: dict[str, Secret] = {}
        self.password = person.password
        self.balance = person.balance_usd
        self.began_us = self.opened_us = now_us
        self.story: Story | None = None
        self.intruder: Actor | None = None
        self.own_devices = {person.main.id, person.phone_app.id}
        self.bad_devices: set[str] = set()
        self.bad_spots: set[str] = set()
        self.bad_sessions: set[str] = set()
        self.left: list[str] = []
        self.journey: Spot | None = None
        self.client_reads: tuple[str, ...] = (person.email,)
        self.client_phones: tuple[str, ...] = (person.phone,)
        self.client_password = person.password
        self.client_lacks: set[str] = set()
        self.client_device, self.client_spot = person.main, person.home
        self.client_replaces = False
        self.sim = SimState.UNCHANGED
        self.sim_changed_at: datetime | None = None

    # -- writing ---------------------------------------------------------------------------------
    def emit(self, at_us: int, action: str, **more: Any) -> str:
        """Append an event and return its id.

        Raises:
            ValueError: it would lie in the future.
        """
        if at_us > self.now_us:
            raise ValueError(f"{action} would happen after now")
        lag = self.rng.randrange(150_000, 90_000_000 if ACTIONS[action].dataset == LEDGER else 4_000_000)
        identifier = "e" + token(self.rng, 12)
        self.events.append(
            event(
                identifier,
                at_us,
                action,
                account=self.person.id,
                username=self.person.username,
                ingested_us=min(at_us + lag, self.now_us),
                **more,
            )
        )
        return identifier

    def say(self, code: str, true: bool, **params: Any) -> None:
        """Note something that the client will say when he is asked."""
        assert self.story is not None
        self.story.client_says.append(Statement(code=code, true=true, params=params))

    def lie(self, code: str, true: bool = False, **params: Any) -> None:
        """Note something that the intruder will say when he is asked."""
        assert self.story is not None
        self.story.intruder_says.append(Statement(code=code, true=true, params=params))

    # -- what happens ----------------------------------------------------------------------------
    def sign_in(self, at_us: int, device: Device, spot: Spot, *, live: bool = False, used: str | None = None) -> str:
        """Somebody signs in; returns the session.

        Args:
            at_us: when.
            device: with what.
            spot: from where.
            live: the session is still open now.
            used: the kind of second factor; by default the account's usual one.
        """
        session = "s-" + token(self.rng, 10)
        kind = used if used is not None else self._usual_factor(at_us)
        self.emit(at_us, "sign_in", spot=spot, device=device, session=session, factor=kind)
        if live:
            self.sessions[session] = Session(
                id=session,
                started_at=from_micros(at_us),
                last_seen_at=from_micros(min(at_us + 7 * MINUTE, self.now_us)),
                ip=spot.ip,
                device=device.id,
                country=spot.country,
            )
        return session

    def fail(self, at_us: int, device: Device | None, spot: Spot, reason: str = "wrong_password") -> None:
        """Somebody does not get in."""
        self.emit(at_us, "sign_in", outcome="failure", reason=reason, spot=spot, device=device)

    def enrol(self, at_us: int, kind: str, label: str, **where: Any) -> Factor:
        """A second factor is set up."""
        made = factor(self.rng, kind, label, at_us)
        secret = Secret(kind=kind)
        if kind == "totp":
            secret.secret = new_totp_key(self.rng)
        elif kind == "sms":
            secret.secret = self.current(ContactKind.PHONE).value
        elif kind == "recovery_codes":
            secret.codes = [token(self.rng, 10) for _ in range(8)]
        self.factors.append(made)
        self.secrets[made.id] = secret
        self.emit(at_us, "second_factor.added", factor=kind, target=made.id, **where)
        return made

    def remove_factor(self, at_us: int, found: Factor, **where: Any) -> None:
        """A second factor is taken off."""
        self.factors.remove(found)
        del self.secrets[found.id]
        self.emit(at_us, "second_factor.removed", factor=found.kind, target=found.id, **where)

    def add_address(self, at_us: int, address: str = "", **where: Any) -> Standing:
        """A withdrawal address is added to the account's list."""
        made = Standing(
            id=f"wa-{token(self.rng, 8)}",
            kind="withdrawal_address",
            label=address or new_address(self.rng),
            created_at=from_micros(at_us),
        )
        self.standing.append(made)
        self.emit(at_us, "withdrawal_address.added", target=made.label, **where)
        return made

    def add_key(self, at_us: int, label: str, **where: Any) -> Standing:
        """An API key is made."""
        made = Standing(id=f"ak-{token(self.rng, 8)}", kind="api_key", label=label, created_at=from_micros(at_us))
        self.standing.append(made)
        self.emit(at_us, "api_key.created", reason=f"“{label}”, may trade and withdraw", target=made.id, **where)
        return made

    def withdraw(self, at_us: int, share: float, address: Standing, *, held: bool = False, **where: Any) -> float:
        """A share of the balance leaves for an address, or is asked for and held; returns US dollars."""
        usd = round(self.balance * share, 2)
        words = f"{usd / PRICES['BTC']:.5f} BTC ({usd:,.2f} USD)"
        self.emit(at_us, "withdrawal.requested", reason=words, target=address.label, **where)
        if held:
            self.hold(at_us + 2_000_000, "withdrawal_review", "A withdrawal waits for a person to look at it.")
        else:
            self.balance = round(self.balance - usd, 2)
            done = min(at_us + self.rng.randrange(3 * MINUTE, 25 * MINUTE), self.now_us)
            self.emit(done, "withdrawal.completed", reason=words, target=address.label, actor=EXCHANGE)
        return usd

    def change_contact(self, at_us: int, kind: ContactKind, value: str, **where: Any) -> Contact:
        """A contact is replaced; the old one stays on the account with the time of its end."""
        old = self.current(kind)
        self.contacts[self.contacts.index(old)] = Contact(
            kind=kind, value=old.value, verified_at=old.verified_at, replaced_at=from_micros(at_us)
        )
        made = Contact(kind=kind, value=value, verified_at=from_micros(at_us))
        self.contacts.append(made)
        hide = mask_email if kind is ContactKind.EMAIL else mask_tail
        self.emit(at_us, f"{kind}.changed", reason=f"{hide(old.value)} → {hide(value)}", **where)
        return made

    def lock(self, at_us: int, kind: LockKind, reason: str, until_us: int | None = None, **who: Any) -> Lock:
        """The account is locked."""
        until = from_micros(until_us) if until_us else None
        made = Lock(id=f"lk-{token(self.rng, 8)}", kind=kind, set_at=from_micros(at_us), reason=reason, until=until)
        self.locks.append(made)
        self.emit(at_us, "account.locked", reason=f"{kind}: {reason}", target=made.id, **({"actor": EXCHANGE} | who))
        return made

    def hold(self, at_us: int, kind: str, reason: str, until_us: int | None = None) -> Hold:
        """Withdrawals are stopped."""
        until = from_micros(until_us) if until_us else None
        made = Hold(id=f"hd-{token(self.rng, 8)}", kind=kind, set_at=from_micros(at_us), reason=reason, until=until)
        self.holds.append(made)
        self.emit(at_us, "hold.placed", reason=f"{kind}: {reason}", target=made.id, actor=EXCHANGE)
        return made

    # -- what there is ---------------------------------------------------------------------------
    def current(self, kind: ContactKind) -> Contact:
        """Return the contact of that kind that is in force."""
        return next(c for c in reversed(self.contacts) if c.kind is kind and c.replaced_at is None)

    def addresses(self) -> list[Standing]:
        """Return the withdrawal addresses."""
        return [s for s in self.standing if s.kind == "withdrawal_address"]

    def strong(self) -> Factor | None:
        """Return the factor that is asked for at sign-in, None where there is none."""
        return next((f for f in self.factors if f.kind in ("totp", "sms")), None)

    def ours(self, device: Device, spot: Spot, session: str = "") -> dict[str, Any]:
        """Return where something was done, as the methods above take it."""
        return {"device": device, "spot": spot, "session": session}

    def foreign(self, device: Device, spot: Spot, session: str = "") -> dict[str, Any]:
        """Return the same, and note it down as the intruder's."""
        self.bad_devices.add(device.id)
        self.bad_spots.add(spot.ip)
        if session:
            self.bad_sessions.add(session)
        return self.ours(device, spot, session)

    def _usual_factor(self, at_us: int) -> str:
        at = from_micros(at_us)
        strong = next(
            (f for f in self.factors if f.kind in ("totp", "sms") and f.enrolled_at and f.enrolled_at <= at), None
        )
        return strong.kind if strong else ""

    # -- the end ---------------------------------------------------------------------------------
    def account(self) -> Account:
        """Return the account as it stands now, without a version."""
        person, last = self.person, self._last_use()
        return Account(
            id=person.id,
            etag="",
            status=Status.LOCKED if self.locks else Status.ACTIVE,
            name=person.name,
            username=person.username,
            language=person.language,
            country=person.country,
            created_at=from_micros(person.created_us),
            kyc_level=person.kyc_level,
            balance_usd=self.balance,
            vip=person.vip,
            contacts=tuple(self.contacts),
            locks=tuple(self.locks),
            holds=tuple(self.holds),
            factors=tuple(
                Factor(id=f.id, kind=f.kind, label=f.label, enrolled_at=f.enrolled_at, last_used_at=last.get(f.kind))
                for f in self.factors
            ),
            sessions=tuple(self.sessions.values()),
            standing=tuple(self.standing),
            tells=TELLS,
            sim=self.sim,
            sim_changed_at=self.sim_changed_at,
            password_changed_at=self._password_changed(),
        )

    def head(self) -> Head:
        """Return what the people around the account know and own."""
        person = self.person
        return Head(
            password=self.password,
            secrets=self.secrets,
            intruder=self.intruder,
            client=Actor(
                name=person.name,
                writes_from=self.client_reads[0] if self.client_reads else person.email,
                mailboxes=self.client_reads,
                phones=self.client_phones,
                password=self.client_password,
                factors=tuple(f.id for f in self.factors if f.id not in self.client_lacks),
                device=self.client_device,
                spot=self.client_spot,
                replaces=self.client_replaces,
            ),
        )

    def _password_changed(self) -> datetime:
        changed = [e["@timestamp"] for e in self.events if e["event.action"] in ("password.changed", "password.reset")]
        return parse_instant(max(changed)) if changed else from_micros(self.person.created_us)

    def _last_use(self) -> dict[str, Any]:
        newest: dict[str, str] = {}
        for e in self.events:
            kind = e.get("authentication.factor", "")
            if kind and e["event.action"] == "sign_in" and e["event.outcome"] == "success":
                newest[kind] = max(newest.get(kind, ""), e["@timestamp"])
        return {kind: parse_instant(at) for kind, at in newest.items()}
