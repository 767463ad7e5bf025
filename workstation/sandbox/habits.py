"""Everyday life: months of sign-ins, trades, deposits and small accidents of one client.

The mix is by choice, not by measurement: most sign-ins from home or the phone in waking hours, few errors
(about one password in thirty is mistyped), now and then a journey or a new device, so that novelty alone
does not give an intruder away.
"""

from __future__ import annotations

from workstation.sandbox.atlas import Device, Spot
from workstation.sandbox.cast import DAY, HOUR, MINUTE, new_device
from workstation.sandbox.draft import EXCHANGE, PRICES, Draft
from workstation.services.accounts.model import Standing

#: An account's log is kept this long.
LOG_DAYS = 400
SECOND = 1_000_000


def live(draft: Draft, until_us: int) -> None:
    """Write the client's life from the opening of the account (or of the log) until `until_us`."""
    _open_account(draft)
    rng, person = draft.rng, draft.person
    span = rng.randint(200, 320) if person.robot_trades_a_day else rng.randint(110, 330)
    start = max(person.created_us + DAY, until_us - span * DAY, draft.now_us - LOG_DAYS * DAY)
    journey = start + rng.randrange(max(1, until_us - start)) if rng.random() < 0.25 else None
    day = start - start % DAY
    while day < until_us:
        _day(draft, day, start, until_us, journey)
        day += DAY
    _leave_sessions_open(draft, until_us)


def moment(draft: Draft, day_us: int, spread_h: float = 3.6) -> int:
    """Return a time of that day at which this person is usually awake; evenings most of all."""
    hour = draft.rng.gauss(draft.person.wake_h + 9.5, spread_h)
    hour = min(max(hour, draft.person.wake_h), draft.person.wake_h + 15.5)
    return day_us + int((hour - draft.person.offset_h) * HOUR) + draft.rng.randrange(MINUTE)


def asleep(draft: Draft, at_us: int) -> int:
    """Return the last time before `at_us` at which it is three to four in the person's night."""
    local = at_us + int(draft.person.offset_h * HOUR)
    night = local - local % DAY + 3 * HOUR + draft.rng.randrange(HOUR)
    if night > local:
        night -= DAY
    return night - int(draft.person.offset_h * HOUR)


def _open_account(draft: Draft) -> None:
    rng, person = draft.rng, draft.person
    at = person.created_us
    where = draft.ours(person.main, person.home)
    draft.emit(at, "account.created", **where)
    at += 20 * MINUTE
    if person.factor == "totp":
        draft.enrol(at, "totp", "Authenticator", **where)
        if rng.random() < 0.5:
            draft.enrol(at + MINUTE, "recovery_codes", "Recovery codes", **where)
    elif person.factor == "sms":
        draft.enrol(at, "sms", f"SMS to …{person.phone[-2:]}", **where)
    if person.factor and person.kyc_level == 3 and rng.random() < 0.3:
        draft.enrol(at + 2 * MINUTE, "passkey", "Security key", **where)
    for n in range(rng.choice((0, 1, 1, 2))):
        draft.add_address(at + (n + 1) * 9 * DAY, **where)
    if person.robot_trades_a_day:
        draft.add_key(at + 5 * DAY, "trading robot", **where)


def _day(draft: Draft, day: int, start: int, until: int, journey: int | None) -> None:
    rng, person = draft.rng, draft.person
    if person.robot_trades_a_day:
        _robot(draft, day, start, until)
    away = journey is not None and journey <= day < journey + 12 * DAY
    count = int(person.sessions_a_day) + (rng.random() < person.sessions_a_day % 1)
    for _ in range(count):
        at = moment(draft, day)
        if start <= at < until - HOUR:
            _session(draft, at, until, away)


def _session(draft: Draft, at: int, until: int, away: bool) -> None:
    rng, person = draft.rng, draft.person
    device, spot = _where(draft, at, away)
    if rng.random() < 0.033:
        draft.fail(at - 20 * SECOND, device, spot)
    session = draft.sign_in(at, device, spot)
    trades = int(person.trades_a_session) + (rng.random() < person.trades_a_session % 1)
    for _ in range(trades):
        at = min(at + rng.randrange(20 * SECOND, 9 * MINUTE), until - MINUTE)
        _trade(draft, at, device, spot, session)
    _money(draft, min(at + MINUTE, until - MINUTE), device, spot, session)
    if rng.random() < 0.35:
        draft.emit(min(at + 2 * MINUTE, until), "sign_out", spot=spot, device=device, session=session)


def _where(draft: Draft, at: int, away: bool) -> tuple[Device, Spot]:
    rng, person = draft.rng, draft.person
    device = rng.choices((person.main, person.phone_app), (45, 55))[0]
    if away:
        return person.phone_app, _abroad(draft)
    if person.vpn and rng.random() < 0.8:
        return device, rng.choice(person.vpn)
    local_h = (at // HOUR + int(person.offset_h)) % 24
    if person.office and 9 <= local_h < 17 and rng.random() < 0.6:
        return person.main, person.office
    if device is person.phone_app and rng.random() < 0.5:
        return device, person.mobile
    return device, person.home


def _abroad(draft: Draft) -> Spot:
    """Return the hotel of the one journey that this client made."""
    if draft.journey is None:
        draft.journey = draft.atlas.spot(draft.rng, "hotel")
    return draft.journey


def _trade(draft: Draft, at: int, device: Device | None, spot: Spot | None, session: str) -> None:
    rng = draft.rng
    coin = rng.choice(tuple(PRICES))
    price = PRICES[coin] * rng.uniform(0.92, 1.08)
    amount = rng.lognormvariate(4.5, 1.0) / price
    words = f"{rng.choice(('bought', 'sold'))} {amount:.5f} {coin} at {price:,.2f} USD"
    draft.emit(at, "trade.filled", reason=words, spot=spot, device=device, session=session)


def _money(draft: Draft, at: int, device: Device, spot: Spot, session: str) -> None:
    rng = draft.rng
    dice = rng.random()
    if dice < 0.05:
        usd = round(rng.lognormvariate(6.0, 0.8), 2)
        draft.emit(at, "deposit.received", reason=f"{usd:,.2f} USD by bank transfer", actor=EXCHANGE)
    elif dice < 0.085 and (to := _own_address(draft)):
        usd = round(rng.lognormvariate(5.5, 0.9), 2)
        words = f"{usd / PRICES['BTC']:.5f} BTC ({usd:,.2f} USD)"
        where = {"device": device, "spot": spot, "session": session}
        draft.emit(at, "withdrawal.requested", reason=words, target=to.label, **where)
        draft.emit(at + 4 * MINUTE, "withdrawal.completed", reason=words, target=to.label, actor=EXCHANGE)
    elif dice < 0.088 and draft.person.main.kind == "browser":
        _replace_device(draft)


def _own_address(draft: Draft) -> Standing | None:
    known = draft.addresses()
    return draft.rng.choice(known) if known else None


def _replace_device(draft: Draft) -> None:
    """The client buys another computer: an ordinary new device."""
    draft.person.main = draft.atlas.make(draft.rng, new_device(draft.rng), "browser")
    draft.client_device = draft.person.main
    draft.own_devices.add(draft.person.main.id)


def _robot(draft: Draft, day: int, start: int, until: int) -> None:
    """Trades through an API key come at all hours, from one server."""
    rng = draft.rng
    for _ in range(draft.person.robot_trades_a_day):
        at = day + rng.randrange(DAY)
        if start <= at < until:
            _trade(draft, at, None, draft.person.home, "")


def _leave_sessions_open(draft: Draft, until: int) -> None:
    """One or two devices stay signed in, as they do."""
    person = draft.person
    for n, device in enumerate((person.phone_app, person.main)):
        if n == 0 or draft.rng.random() < 0.5:
            at = moment(draft, until - until % DAY - (n + 2) * DAY)
            draft.sign_in(min(at, until - HOUR), device, person.home, live=True)
