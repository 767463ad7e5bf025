"""Eight things that happen to honest people and look, more or less, like the other eight."""

from __future__ import annotations

from collections.abc import Callable

from workstation.sandbox.cast import DAY, HOUR, MINUTE, new_device, new_phone
from workstation.sandbox.draft import EXCHANGE, Draft
from workstation.sandbox.habits import SECOND
from workstation.sandbox.stories import day_of, never_there, say_devices, tell
from workstation.services.accounts.model import ContactKind, LockKind


def lost_phone(draft: Draft) -> None:
    """The phone with the one-time passwords is gone; the password still works, the second factor does not."""
    at, rng, person = draft.began_us, draft.rng, draft.person
    strong = draft.strong()
    assert strong is not None
    last = draft.sign_in(at - 7 * HOUR, person.main, person.home)
    draft.emit(at - 6 * HOUR, "sign_out", device=person.main, spot=person.home, session=last)
    draft.sessions.clear()
    draft.client_lacks |= set(draft.secrets)
    draft.client_replaces = True
    for n in range(rng.randint(2, 4)):
        draft.fail(at + 2 * HOUR + n * 4 * MINUTE, person.main, person.home, "factor_required")
    tell(draft, "lost_phone")
    _prove(draft)
    draft.say("lost_phone", True, day=day_of(draft, at))
    draft.say("last_ok", True, day=day_of(draft, at - 7 * HOUR), city=person.city)
    say_devices(draft)


def _prove(draft: Draft) -> None:
    """He shows himself in a live video, and answers from the computer that the exchange knows."""
    person, at = draft.person, draft.opened_us
    where = draft.ours(person.main, person.home)
    draft.emit(at - 9 * MINUTE, "device.confirmed", reason="known device answered its own key", **where)
    draft.emit(at - 4 * MINUTE, "identity.proofed", reason="live video, liveness passed, date shown", **where)


def new_country(draft: Draft) -> None:
    """A journey: own device, a hotel's network, and a withdrawal that the exchange holds for that reason."""
    at, rng, person = draft.began_us, draft.rng, draft.person
    hotel = draft.atlas.spot(rng, "hotel")
    draft.client_spot, draft.client_device = hotel, person.phone_app
    if rng.random() < 0.35:  # the phone was stolen at the airport; a new one, set up in the hotel
        draft.client_device = draft.atlas.make(rng, new_device(rng), "app")
    if rng.random() < 0.35:  # and the hotel's network blocks exchanges, so it goes through an anonymiser
        draft.fail(at - 20 * MINUTE, draft.client_device, hotel)
        draft.sign_in(at - 10 * MINUTE, draft.client_device, draft.atlas.spot(rng, "vpn"))
    session = draft.sign_in(at, draft.client_device, hotel, live=True)
    where = draft.ours(draft.client_device, hotel, session)
    known = draft.addresses()
    target = known[0] if known and rng.random() < 0.6 else draft.add_address(at + 8 * MINUTE, **where)
    usd = draft.withdraw(at + 14 * MINUTE, rng.uniform(0.1, 0.4), target, held=True, **where)
    tell(draft, "travel", city=hotel.city, amount=usd)
    draft.say("travelling", True, city=hotel.city)
    draft.say("mine_withdrew", True)
    if draft.client_device is person.phone_app:
        say_devices(draft)


def new_phone_and_number(draft: Draft) -> None:
    """A new contract: another number, another phone, the old factor replaced, all within an evening from home."""
    at, rng, person = draft.began_us, draft.rng, draft.person
    session = draft.sign_in(at, person.main, person.home, live=True)
    where = draft.ours(person.main, person.home, session)
    number = new_phone(rng, person.country)
    draft.change_contact(at + 5 * MINUTE, ContactKind.PHONE, number, **where)
    draft.client_phones = (number,)
    old = draft.strong()
    if old is not None:
        draft.remove_factor(at + 9 * MINUTE, old, **where)
    draft.enrol(at + 11 * MINUTE, "totp", "Authenticator", **where)
    phone = draft.atlas.make(rng, new_device(rng), "app")
    draft.sign_in(at + 25 * MINUTE, phone, person.home, live=True)
    draft.client_device = phone
    if rng.random() < 0.5:  # the wallet was on the old phone too
        target = draft.add_address(at + 32 * MINUTE, **where)
        if rng.random() < 0.6:
            draft.withdraw(at + 40 * MINUTE, 0.1, target, held=True, **where)
    draft.hold(at + 9 * MINUTE, "factor_change", "Withdrawals rest after a second factor was changed.", at + 48 * HOUR)
    tell(draft, rng.choice(("new_number", "held")))
    draft.say("new_number", True, day=day_of(draft, at + 5 * MINUTE))
    draft.say("mine_changed_factor", True)
    draft.say("at_home", True, city=person.city)


def family_device(draft: Draft) -> None:
    """Somebody of the household signs in on another computer at home; the exchange warns, the client is startled."""
    at, rng, person = draft.began_us, draft.rng, draft.person
    laptop = draft.atlas.make(rng, new_device(rng), "browser")
    draft.fail(at - 50 * SECOND, laptop, person.home)
    session = draft.sign_in(at, laptop, person.home, live=True)
    draft.emit(at + MINUTE, "notice.sent", reason="sign-in from a new device", actor=EXCHANGE)
    for n in range(rng.randint(0, 3)):
        draft.emit(
            at + (n + 2) * MINUTE, "trade.filled", reason="bought 0.00150 BTC at 67,110.00 USD",
            **draft.ours(laptop, person.home, session),
        )  # fmt: skip
    tell(draft, "strange_login", city=person.city)
    draft.say("family", True, device=laptop.label)
    draft.say("no_withdrawal", True)
    draft.say("at_home", True, city=person.city)


def vpn_user(draft: Draft) -> None:
    """An anonymiser that changes country by the hour: impossible journeys with the owner's own devices."""
    at, rng, person = draft.began_us, draft.rng, draft.person
    for n, spot in enumerate(person.vpn[:3]):
        draft.sign_in(at + n * 50 * MINUTE, person.main, spot, live=n == 2)
    draft.client_spot = person.vpn[0]
    locked = rng.random() < 0.5
    when = at + 3 * HOUR
    if locked:
        draft.lock(when, LockKind.SECURITY, "Sign-ins from countries too far apart.")
    else:
        known = draft.addresses()
        target = known[0] if known else draft.add_address(when - HOUR, **draft.ours(person.main, person.vpn[2]))
        draft.withdraw(when, 0.2, target, held=True, **draft.ours(person.main, person.vpn[2]))
    tell(draft, "locked" if locked else "held")
    draft.say("vpn", True)
    draft.say("at_home", True, city=person.city)
    say_devices(draft)


def false_positive_lock(draft: Draft) -> None:
    """A rule of the exchange locks an account whose every sign-in came from its owner's own devices."""
    at, rng, person = draft.began_us, draft.rng, draft.person
    session = draft.sign_in(at, person.main, person.home)
    if rng.random() < 0.5:
        draft.emit(at + 5 * MINUTE, "password.changed", **draft.ours(person.main, person.home, session))
    draft.lock(at + 9 * MINUTE, LockKind.SECURITY, "Unusual pattern of trades.")
    draft.sessions.clear()
    for n in range(rng.randint(1, 3)):
        draft.fail(at + (20 + n * 7) * MINUTE, rng.choice((person.main, person.phone_app)), person.home, "locked")
    tell(draft, "locked")
    draft.say("last_ok", True, day=day_of(draft, at), city=person.city)
    say_devices(draft)
    draft.say("at_home", True, city=person.city)


def forgotten_password(draft: Draft) -> None:
    """Five wrong passwords in a row from the sofa."""
    at, rng, person = draft.began_us, draft.rng, draft.person
    device = rng.choice((person.main, person.phone_app))
    for n in range(5):
        draft.fail(at + n * rng.randint(25, 70) * SECOND, device, person.home)
    draft.lock(at + 6 * MINUTE, LockKind.FAILED_SIGN_INS, "Five wrong passwords in a row.")
    draft.client_password = draft.password[:-1]
    draft.client_device = device
    tell(draft, "forgot")
    draft.say("tries", True)
    draft.say("at_home", True, city=person.city)
    draft.say("last_ok", False, **never_there(draft))


def own_settings_lock(draft: Draft) -> None:
    """The client locked the account against everybody, staff included, and now wants it undone."""
    at, person = draft.began_us, draft.person
    session = draft.sign_in(at, person.main, person.home)
    where = draft.ours(person.main, person.home, session)
    client = (person.id, person.username)
    until = draft.opened_us + draft.rng.randint(3, 20) * DAY
    draft.lock(
        at + 4 * MINUTE, LockKind.CLIENT, "Set by the client, binding until it ends.", until, actor=client, **where
    )
    draft.sessions.clear()
    draft.fail(draft.opened_us - HOUR, person.phone_app, person.home, "locked")
    tell(draft, "settings_lock")
    draft.say("own_lock", True, day=day_of(draft, at + 4 * MINUTE))
    draft.say("at_home", True, city=person.city)


#: A scenario's name and how it is played.
INNOCENT: dict[str, Callable[[Draft], None]] = {
    f.__name__: f
    for f in (
        lost_phone,
        new_country,
        new_phone_and_number,
        family_device,
        vpn_user,
        false_positive_lock,
        forgotten_password,
        own_settings_lock,
    )
}
#: The second factor that a scenario cannot do without.
NEEDS: dict[str, str] = {"lost_phone": "totp"}
