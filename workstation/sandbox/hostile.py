"""Eight ways in which somebody else gets at an account, each with what it leaves standing.

Not all of them look bad in a log: malware acts from the owner's own device, and an impostor who has only
written a mail has done nothing yet. That is the point.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from workstation.sandbox.atlas import Device, Spot
from workstation.sandbox.cast import DAY, HOUR, MINUTE, latin, new_address, new_device, new_password, new_phone
from workstation.sandbox.draft import EXCHANGE, Draft
from workstation.sandbox.habits import SECOND, asleep
from workstation.sandbox.heads import Actor
from workstation.sandbox.stories import day_of, never_there, say_devices, tell
from workstation.services.accounts.model import ContactKind, LockKind, SimState, Standing
from workstation.services.clock import from_micros


class Kit(msgspec.Struct, frozen=True):
    """An intruder's tools. A gang's kit is used on several accounts, which makes those related cases."""

    device: Device
    spot: Spot
    address: str


def hostile_kit(draft: Draft, gangs: tuple[Kit, ...]) -> Kit:
    """Return a gang's kit, or one of its own: from a server, a VPN, or a hijacked home line in the same country."""
    rng = draft.rng
    if rng.random() < 0.4:
        return rng.choice(gangs)
    kind = rng.choices(("hosting", "vpn", "home"), (40, 25, 35))[0]
    spot = draft.atlas.spot(rng, kind, draft.person.city if kind == "home" else None)
    return Kit(draft.atlas.make(rng, new_device(rng)), spot, new_address(rng))


def phished_password(draft: Draft, kit: Kit) -> None:
    """A look-alike page relays password and code; the session is the intruder's; he settles in and withdraws."""
    at, rng = draft.began_us, draft.rng
    session = draft.sign_in(at, kit.device, kit.spot, live=True)
    where = draft.foreign(kit.device, kit.spot, session)
    if rng.random() < 0.3:  # the one who phishes sells what he has; the buyer has not come yet
        _intrude(draft, kit)
        tell(draft, "phished")
        draft.say("clicked_link", True, day=day_of(draft, at - 5 * MINUTE))
        say_devices(draft)
        return
    old = draft.strong()
    if old is not None and rng.random() < 0.6:
        draft.remove_factor(at + 95 * SECOND, old, **where)
        _add_factor(draft, at + 140 * SECOND, **where)
    target = _add_address(draft, at + 4 * MINUTE, kit.address, **where)
    if rng.random() < 0.5:
        draft.left.append(draft.add_key(at + 7 * MINUTE, "reporting", **where).id)
    usd = draft.withdraw(at + 11 * MINUTE, rng.uniform(0.3, 0.9), target, held=rng.random() < 0.4, **where)
    _intrude(draft, kit)
    tell(draft, rng.choice(("phished", "withdrawn")), amount=usd)
    draft.say("clicked_link", True, day=day_of(draft, at - 5 * MINUTE))
    draft.say("no_withdrawal", True)
    draft.say("at_home", True, city=draft.person.city)
    say_devices(draft)


def sim_swap(draft: Draft, kit: Kit) -> None:
    """The number moves to another SIM card; codes and a password reset go there."""
    at, rng, person = draft.began_us, draft.rng, draft.person
    spot = draft.atlas.spot(rng, "mobile", person.city)
    if rng.random() < 0.75:
        draft.emit(at, "phone.checked", outcome="failure", reason="carrier: SIM card changed today", actor=EXCHANGE)
        draft.sim, draft.sim_changed_at = SimState.SWAPPED, from_micros(at)
    else:
        # The carrier gave no answer, and nobody may take that for a good one.
        draft.sim = SimState.UNKNOWN
    draft.emit(at + 40 * MINUTE, "password.reset_requested", **draft.foreign(kit.device, spot))
    draft.password = new_password(rng)
    draft.emit(at + 43 * MINUTE, "password.reset", **draft.foreign(kit.device, spot))
    session = draft.sign_in(at + 45 * MINUTE, kit.device, spot, live=True, used="sms")
    where = draft.foreign(kit.device, spot, session)
    target = _add_address(draft, at + 48 * MINUTE, kit.address, **where)
    usd = draft.withdraw(at + 52 * MINUTE, 0.95, target, held=True, **where)
    draft.client_phones = ()
    _intrude(draft, Kit(kit.device, spot, kit.address), phones=(person.phone,))
    tell(draft, rng.choice(("no_signal", "withdrawn")), amount=usd)
    draft.say("phone_dead", True, day=day_of(draft, at))
    draft.say("no_reset", True)
    draft.say("no_withdrawal", True)


def stolen_session(draft: Draft, kit: Kit) -> None:
    """A copied cookie: no sign-in at all, the same session suddenly from elsewhere."""
    at, rng, person = draft.began_us, draft.rng, draft.person
    session = draft.sign_in(at - 5 * HOUR, person.main, person.home, live=True)
    if rng.random() < 0.4:  # a careful thief copies the user agent and comes through a line in the same city
        kit = Kit(person.main, draft.atlas.spot(rng, "home", person.city), kit.address)
        draft.bad_spots.add(kit.spot.ip)
        draft.bad_sessions.add(session)
        where = draft.ours(kit.device, kit.spot, session)
    else:
        where = draft.foreign(kit.device, kit.spot, session)
        draft.emit(at, "session.resumed", reason="another address and user agent", **where)
    draft.left.append(draft.add_key(at + 3 * MINUTE, "sync", **where).id)
    target = _add_address(draft, at + 6 * MINUTE, kit.address, **where)
    usd = draft.withdraw(at + 9 * MINUTE, rng.uniform(0.2, 0.6), target, **where)
    tell(draft, rng.choice(("withdrawn", "strange_login")), city=kit.spot.city, amount=usd)
    draft.say("last_ok", True, day=day_of(draft, at - 5 * HOUR), city=person.city)
    draft.say("no_withdrawal", True)
    say_devices(draft)


def credential_stuffing(draft: Draft, kit: Kit) -> None:
    """A leaked password among many tried from many addresses; the account has no second factor."""
    at, rng = draft.began_us, draft.rng
    for n in range(rng.randint(3, 4)):
        spot = draft.atlas.spot(rng, rng.choice(("hosting", "vpn")))
        draft.bad_spots.add(spot.ip)
        draft.fail(at + n * 35 * SECOND, None, spot)
    session = draft.sign_in(at + 5 * MINUTE, kit.device, kit.spot, live=True, used="")
    where = draft.foreign(kit.device, kit.spot, session)
    draft.emit(at + 6 * MINUTE, "notice.sent", reason="sign-in from a new device", actor=EXCHANGE)
    if rng.random() < 0.6:
        _add_address(draft, at + 8 * MINUTE, kit.address, **where)
    if rng.random() < 0.5:
        draft.lock(at + 20 * MINUTE, LockKind.SECURITY, "Sign-in with a password from a known leak.")
    _intrude(draft, kit)
    tell(draft, "locked" if draft.locks else "strange_login", city=kit.spot.city)
    draft.say("same_password", True)
    draft.say("at_home", True, city=draft.person.city)
    draft.say("no_withdrawal", True)


def owner_device_malware(draft: Draft, kit: Kit) -> None:
    """Everything comes from the owner's own computer and line, at night, through the owner's own session."""
    rng, person = draft.rng, draft.person
    evening = asleep(draft, draft.opened_us - 4 * HOUR) - 5 * HOUR
    draft.began_us = evening + 5 * HOUR
    session = draft.sign_in(evening, person.main, person.home, live=True)
    where = draft.ours(person.main, person.home, session)
    at = draft.began_us
    target = _add_address(draft, at, kit.address, **where)
    usd = draft.withdraw(at + 70 * SECOND, rng.uniform(0.4, 0.8), target, **where)
    tell(draft, "withdrawn", amount=usd)
    draft.say("asleep", True)
    say_devices(draft)
    draft.say("no_address", True)
    draft.say("installed", True, day=day_of(draft, evening - 2 * DAY))


def mailbox_first(draft: Draft, kit: Kit) -> None:
    """The mailbox falls first; a password reset through it, then the address itself is changed."""
    at, rng, person = draft.began_us, draft.rng, draft.person
    draft.emit(at, "password.reset_requested", **draft.foreign(kit.device, kit.spot))
    draft.password = new_password(rng)
    draft.emit(at + 2 * MINUTE, "password.reset", **draft.foreign(kit.device, kit.spot))
    codes = next((f for f in draft.factors if f.kind == "recovery_codes"), None)
    used = "recovery_codes" if codes is not None else ""
    session = draft.sign_in(at + 3 * MINUTE, kit.device, kit.spot, live=True, used=used)
    where = draft.foreign(kit.device, kit.spot, session)
    local, _, domain = person.email.partition("@")
    if rng.random() < 0.25:  # he is in and waits
        draft.client_reads = ()
        _intrude(draft, kit, mailboxes=(person.email,), writes_from=person.email)
        _writes_from_elsewhere(draft)
        tell(draft, "strange_login", city=kit.spot.city)
        draft.say("mailbox_lost", True, day=day_of(draft, at))
        draft.say("no_reset", True)
        return
    theirs = f"{local}{rng.choice(('.secure', '-x', '1'))}@{domain}"
    changed = draft.change_contact(at + 6 * MINUTE, ContactKind.EMAIL, theirs, **where)
    if (strong := draft.strong()) is not None:
        draft.remove_factor(at + 8 * MINUTE, strong, **where)
        _add_factor(draft, at + 9 * MINUTE, **where)
    target = _add_address(draft, at + 12 * MINUTE, kit.address, **where)
    draft.withdraw(at + 15 * MINUTE, 0.9, target, held=True, **where)
    draft.left.append(changed.value)
    draft.client_reads = ()
    _intrude(draft, kit, mailboxes=(person.email, theirs), writes_from=theirs)
    if rng.random() < 0.6:
        tell(draft, "held", writer="intruder")
        draft.lie("mine_changed_mail", False)
        draft.lie("mine_withdrew", False)
        draft.lie("at_home", False, city=person.city)
    else:
        _writes_from_elsewhere(draft)
        tell(draft, "mail_changed")
        draft.say("mailbox_lost", True, day=day_of(draft, at))
        draft.say("no_reset", True)
        draft.say("no_withdrawal", True)


def insider_like(draft: Draft, kit: Kit) -> None:
    """Somebody with staff access looks again and again without a case, then a number changes and a factor goes."""
    at, rng, person = draft.began_us, draft.rng, draft.person
    staff = (f"staff-{rng.randint(11, 58)}", "support agent")
    for n in range(rng.randint(3, 6)):
        draft.emit(at - (n + 1) * 9 * HOUR, "support.viewed", reason="no case given", actor=staff)
    if rng.random() < 0.3:  # so far somebody only looked, and then rang the client up
        draft.began_us = at - 54 * HOUR
        tell(draft, "caller")
        draft.say("caller", True, day=day_of(draft, at))
        say_devices(draft)
        return
    number = new_phone(rng, person.country)
    old = draft.change_contact(at, ContactKind.PHONE, number, actor=staff)
    draft.left.append(old.value)
    if (strong := draft.strong()) is not None:
        draft.remove_factor(at + 3 * MINUTE, strong, actor=staff)
    draft.emit(at + 30 * MINUTE, "password.reset_requested", **draft.foreign(kit.device, kit.spot))
    draft.password = new_password(rng)
    draft.emit(at + 34 * MINUTE, "password.reset", **draft.foreign(kit.device, kit.spot))
    session = draft.sign_in(at + 36 * MINUTE, kit.device, kit.spot, live=True, used="")
    where = draft.foreign(kit.device, kit.spot, session)
    target = _add_address(draft, at + 40 * MINUTE, kit.address, **where)
    usd = draft.withdraw(at + 44 * MINUTE, 0.7, target, held=rng.random() < 0.5, **where)
    _intrude(draft, kit, phones=(number,))
    tell(draft, rng.choice(("caller", "withdrawn")), amount=usd)
    draft.say("caller", True, day=day_of(draft, at - 2 * DAY))
    draft.say("no_phone_change", True)
    draft.say("no_reset", True)


def impostor(draft: Draft, kit: Kit) -> None:
    """A stranger with the password from a leak cannot pass the second factor, so he asks support to take it off."""
    at, rng, person = draft.began_us, draft.rng, draft.person
    for n in range(rng.randint(2, 4)):
        draft.fail(at + n * 3 * MINUTE, kit.device, kit.spot, "factor_required")
    draft.foreign(kit.device, kit.spot)
    spoofed = rng.random() < 0.4
    address = person.email if spoofed else f"{person.username}.{rng.randint(100, 999)}@quickpost.example"
    _intrude(draft, kit, writes_from=address, mailboxes=() if spoofed else (address,), keen=True)
    tell(draft, "lost_phone", writer="intruder", spoofed=spoofed)
    draft.lie("lost_phone", False, day=day_of(draft, at))
    draft.lie("last_ok", False, **never_there(draft))
    draft.lie("at_home", False, city=person.city)
    draft.say("did_not_write", True)
    draft.say("phone_here", True)


#: A scenario's name and how it is played.
HOSTILE: dict[str, Callable[[Draft, Kit], None]] = {
    f.__name__: f
    for f in (
        phished_password,
        sim_swap,
        stolen_session,
        credential_stuffing,
        owner_device_malware,
        mailbox_first,
        insider_like,
        impostor,
    )
}
#: The second factor that a scenario cannot do without.
NEEDS: dict[str, str] = {"sim_swap": "sms", "impostor": "totp", "phished_password": "totp", "credential_stuffing": ""}


def _intrude(
    draft: Draft,
    kit: Kit,
    *,
    phones: tuple[str, ...] = (),
    mailboxes: tuple[str, ...] = (),
    writes_from: str = "",
    keen: bool = True,
) -> None:
    """Note who the intruder is: he knows the password of today and has the factors that he set up."""
    theirs = tuple(f for f in draft.left if f.startswith("fa-"))
    draft.intruder = Actor(
        name=draft.person.name,
        writes_from=writes_from,
        mailboxes=mailboxes,
        phones=phones,
        password=draft.password,
        factors=theirs,
        device=kit.device,
        spot=kit.spot,
        keen=keen,
    )


def _add_factor(draft: Draft, at_us: int, **where: object) -> None:
    made = draft.enrol(at_us, "totp", "Authenticator", **where)
    draft.client_lacks.add(made.id)
    draft.left.append(made.id)


def _add_address(draft: Draft, at_us: int, address: str, **where: object) -> Standing:
    made = draft.add_address(at_us, address, **where)
    draft.left.append(made.id)
    return made


def _writes_from_elsewhere(draft: Draft) -> None:
    """The client has no mailbox on record any more and writes from another one."""
    first = latin(draft.person.name) or draft.person.username
    draft.client_reads = (f"{first}.{draft.rng.randint(1960, 2004)}@heronmail.example",)
