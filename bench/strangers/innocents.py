"""What owners do that looks like a takeover and is none."""

from __future__ import annotations

from bench.strangers import world
from bench.strangers.lives import Life
from bench.strangers.world import DAY, HOUR, MINUTE, NOW_US


def _until(life: Life) -> int:
    """Live up to a moment of the last two days and return it: an hour at which the owner is awake."""
    at = life.awake(NOW_US - life.rng.randint(1, 2) * DAY)
    life.live(at - HOUR)
    return at


def nothing(life: Life) -> None:
    """An ordinary life."""
    life.live(NOW_US)


def travel(life: Life) -> None:
    """Ten days abroad: hotel and roaming, with what one does there (a key, another application, a withdrawal)."""
    at = NOW_US - 10 * DAY
    life.live(at)
    guest, sim = life.rng.choice(world.AWAY)
    for day in range(10):
        when = at + day * DAY + life.rng.randint(5, 16) * HOUR
        seat = (
            life.at_laptop(when, guest)
            if life.rng.random() < 0.5
            else life.at_phone(when, life.rng.choice((guest, sim)))
        )
        session = life.visit(when, seat)
        if day == 6 and life.rng.random() < 0.5:
            life.do(
                when + 9 * MINUTE, life.rng.choice(("consent", "key_made", "money")), seat, session, what="Calendar"
            )


def new_phone(life: Life) -> None:
    """A new phone: signed in at home, the factor moved over."""
    at = _until(life)
    life.phone = life.rng.choice(world.PHONES), life.device()
    seat = life.at_phone(at, life.home)
    session = life.enter(at, seat)
    life.do(at + 5 * MINUTE, "factor_added", seat, session, factor=life.ways.factor or "push")
    if life.rng.random() < 0.6:
        life.do(at + 7 * MINUTE, "factor_removed", seat, session, factor=life.ways.factor or "push")
    life.live(NOW_US, days=1, since=at)


def lost_phone(life: Life) -> None:
    """The phone is gone; the help desk resets the factors, the owner enrols again, by laptop or new phone."""
    life.ways = life.ways._replace(factor="push")
    at = _until(life)
    life.do(at - 40 * MINUTE, "push_lost", life.at_laptop(at), factor="push")
    life.do(at - 10 * MINUTE, "staff_reset_factors", by="helpdesk.2@example.org")
    if life.rng.random() < 0.4:
        life.do(at - 9 * MINUTE, "staff_reset_password", by="helpdesk.2@example.org")
    life.phone = life.rng.choice(world.PHONES), life.device()
    seat = life.rng.choice((life.at_laptop(at), life.at_laptop(at), life.at_phone(at), life.at_phone(at, life.home)))
    session = life.enter(at, seat, "")
    life.do(at + 4 * MINUTE, "factor_added", seat, session, factor="push")
    life.use(at + 9 * MINUTE, seat, session, 2)


def family(life: Life) -> None:
    """A relative's machine at the same line, or at their own in the same city."""
    at = _until(life)
    net, ip = life.rng.choice(((life.home, life.home_ip), (life.other_line, world.address(life.rng, life.other_line))))
    seat = life.at_laptop(at, net, ip)._replace(agent=life.rng.choice(world.LAPTOPS), device=life.device())
    session = life.visit(at, seat)
    life.use(at + 20 * MINUTE, seat, session, 3)


def hopping_vpn(life: Life) -> None:
    """A consumer VPN, another country every day, for weeks; now and then a setting is changed behind it."""
    at = NOW_US - life.rng.randint(3, 25) * DAY
    life.live(at)
    while at < NOW_US - DAY:
        at += DAY
        when = life.awake(at)
        seat = life.at_laptop(when, life.rng.choice(world.VPN))
        session = life.visit(when, seat)
        if life.rng.random() < 0.08:
            life.do(when + 6 * MINUTE, life.rng.choice(("consent", "key_made", "password_changed")), seat, session)


def forced_reset(life: Life) -> None:
    """A leak elsewhere: everybody must set a new password; the owner does, where he is."""
    at = _until(life)
    life.do(at - 3 * HOUR, "staff_reset_password", by="automation@example.org")
    seat = life.ordinary(at)
    life.do(at, "reset_asked", seat)
    life.do(at + 3 * MINUTE, "reset", seat)
    session = life.enter(at + 5 * MINUTE, seat)
    life.use(at + 6 * MINUTE, seat, session, 2)


def password_manager(life: Life) -> None:
    """A password manager is rolled out: a new password, a passkey beside the old factor."""
    at = _until(life)
    seat = life.at_laptop(at, life.office_net, life.office_ip) if life.ways.office else life.at_laptop(at)
    session = life.enter(at, seat)
    life.do(at + 3 * MINUTE, "password_changed", seat, session)
    life.do(at + 6 * MINUTE, "factor_added", seat, session, factor="webauthn")


def office_egress(life: Life) -> None:
    """The company routes its people through a security gateway in a data centre: new network, many pools."""
    at = NOW_US - life.rng.randint(2, 9) * DAY
    life.live(at)
    gateway = world.Net("165.225", 62044, "Zscaler Switzerland GmbH", world.ZURICH, "office")
    while at < NOW_US - DAY:
        at += DAY
        for _ in range(1 + int(life.ways.a_day)):
            when = life.awake(at)
            life.visit(when, life.at_laptop(when, gateway))


def carrier_nat(life: Life) -> None:
    """Nearly always on the phone; the carrier's addresses are put into several cities, within a session too."""
    life.ways = life.ways._replace(phone_share=0.9, geo_error=0.4)
    life.live(NOW_US - 2 * DAY)
    for n in range(6):
        at = life.awake(NOW_US - DAY) + n * 40 * MINUTE
        session = life.enter(at, life.at_phone(at))
        life.use(at + 5 * MINUTE, life.at_phone(at), session, 1)
        life.use(at + 15 * MINUTE, life.at_phone(at), session, 1)


def browser_update(life: Life) -> None:
    """The browser is replaced by another one, its cookies are gone: a new device to every log."""
    at = _until(life)
    life.laptop = life.rng.choice(world.LAPTOPS), life.device()
    session = life.visit(at, life.at_laptop(at))
    if life.rng.random() < 0.3:
        life.do(at + 5 * MINUTE, "password_changed", life.at_laptop(at), session)
    life.live(NOW_US, days=1, since=at)


def forgetful(life: Life) -> None:
    """Several wrong passwords, perhaps a lock, then a reset: from home or the phone."""
    at = _until(life)
    seat = life.ordinary(at)
    for n in range(life.rng.randint(3, 8)):
        life.do(at - (10 - n) * MINUTE, "refused", seat)
    if life.rng.random() < 0.4:
        life.do(at - MINUTE, "locked", seat)
    life.do(at, "reset_asked", seat)
    life.do(at + 3 * MINUTE, "reset", seat)
    session = life.enter(at + 5 * MINUTE, seat)
    life.use(at + 6 * MINUTE, seat, session, 2)


def shift_worker(life: Life) -> None:
    """Day and night in turns."""
    for back in range(life.ways.days, 0, -1):
        night = back // 5 % 2
        at = NOW_US - back * DAY + life.rng.randint(0, 7) * HOUR + (0 if night else 9 * HOUR)
        if at < NOW_US and life.rng.random() < 0.75:
            life.visit(at, life.at_laptop(at, life.office_net, life.office_ip))


def automation(life: Life) -> None:
    """Much is done by keys that are exchanged every month, from a rented machine that is the owner's."""
    life.ways = life.ways._replace(a_day=2.5)
    runner = world.HOSTING[0]
    ip = world.address(life.rng, runner)
    life.live(NOW_US - DAY)
    for back in range(life.ways.days, 0, -1):
        at = NOW_US - back * DAY + 2 * HOUR
        seat = world.Seat(ip, runner, world.PYTHON, 0, "")
        life.do(at, "call", seat, "key", what="ListBuckets")
        if back % 30 == 5:
            own = life.at_laptop(at + 7 * HOUR)
            session = life.enter(at + 7 * HOUR, own)
            life.do(at + 7 * HOUR + 4 * MINUTE, "key_made", own, session)
            life.do(at + 7 * HOUR + 30 * MINUTE, "key_removed", own, session)


def moves_house(life: Life) -> None:
    """Moves to another country and stays: new line, new SIM card, later a new number and address on record."""
    at = NOW_US - life.rng.randint(4, 20) * DAY
    life.live(at)
    others = [home for home in world.HOMES if home[0] != life.home]
    life.home, life.carrier, life.other_line, life.mistaken = life.rng.choice(others)
    life.home_ip = world.address(life.rng, life.home)
    life.ways = life.ways._replace(office=False)
    life.live(NOW_US - 5 * HOUR, since=at + DAY)
    when = NOW_US - 4 * HOUR
    session = life.enter(when, life.at_laptop(when))
    life.do(when + 5 * MINUTE, "phone_changed", life.at_laptop(when), session)


def new_factor_for_all(life: Life) -> None:
    """The company moves to another second factor: everybody enrols, then the old one is taken off by staff."""
    life.ways = life.ways._replace(factor="sms")
    at = _until(life)
    seat = life.ordinary(at)
    session = life.enter(at, seat)
    life.do(at + 4 * MINUTE, "factor_added", seat, session, factor="push")
    life.do(
        at + 20 * HOUR,
        "staff_reset_factors" if life.rng.random() < 0.3 else "staff_removes_factor",
        by="automation@example.org",
        factor="sms",
    )
    life.visit(at + 22 * HOUR, life.at_laptop(at))


def new_laptop(life: Life) -> None:
    """A new laptop, and the password is changed on the same day."""
    at = _until(life)
    life.laptop = life.rng.choice(world.LAPTOPS), life.device()
    seat = life.at_laptop(at, life.office_net, life.office_ip) if life.ways.office else life.at_laptop(at)
    session = life.visit(at, seat)
    life.do(at + 30 * MINUTE, "password_changed", seat, session)
    life.live(NOW_US, days=1, since=at)


def travel_new_sim(life: Life) -> None:
    """Abroad with the own phone and a local SIM card: the number on record is changed, the factor too."""
    at = NOW_US - 4 * DAY
    life.live(at)
    guest, sim = life.rng.choice(world.AWAY)
    for day in range(3):
        when = at + day * DAY + 9 * HOUR
        seat = life.at_phone(when, sim if day else guest)
        session = life.visit(when, seat)
        if day == 2:
            life.do(when + 12 * MINUTE, "phone_changed", seat, session)
            if life.ways.factor == "sms":
                life.do(when + 14 * MINUTE, "factor_added", seat, session, factor="sms")


def under_fire(life: Life) -> None:
    """Passwords are tried against the account for a week and none fits; the owner goes on as ever."""
    for _ in range(life.rng.randint(10, 60)):
        at = NOW_US - life.rng.randint(60, 7 * 24 * 60) * MINUTE
        life.do(at, "refused", life.stranger(at))
    life.live(NOW_US)


def sleeper(life: Life) -> None:
    """Comes back after months, with a new phone or the old laptop, from home."""
    life.live(NOW_US - 120 * DAY)
    at = NOW_US - 6 * HOUR
    if life.rng.random() < 0.5:
        life.phone = life.rng.choice(world.PHONES), life.device()
    seat = life.rng.choice((life.at_phone(at, life.home), life.at_laptop(at)))
    if life.rng.random() < 0.5:
        life.do(at - 8 * MINUTE, "refused", seat)
        life.do(at - 5 * MINUTE, "reset_asked", seat)
        life.do(at - 3 * MINUTE, "reset", seat)
    life.visit(at, seat)


def forgets_abroad(life: Life) -> None:
    """On the third day of a journey the password is forgotten, and reset on the laptop or phone that came along."""
    at = NOW_US - 5 * DAY
    life.live(at)
    guest, sim = life.rng.choice(world.AWAY)
    for day in range(4):
        when = at + day * DAY + life.rng.randint(6, 15) * HOUR
        seat = life.rng.choice((life.at_laptop(when, guest), life.at_phone(when, sim)))
        if day == 2:
            for n in range(life.rng.randint(1, 4)):
                life.do(when - (9 - n) * MINUTE, "refused", seat)
            life.do(when - 4 * MINUTE, "reset_asked", seat)
            life.do(when - 2 * MINUTE, "reset", seat)
        life.visit(when, seat)


def vpn_settings(life: Life) -> None:
    """Always behind a VPN, for as long as the account exists; sets up a factor and a key on one day."""
    life.live(NOW_US - DAY, days=0)
    steps = [
        step._replace(seat=step.seat and life.at_laptop(step.at, life.rng.choice(world.VPN))) for step in life.steps
    ]
    life.steps[:] = steps
    at = life.awake(NOW_US - DAY)
    seat = life.at_laptop(at, life.rng.choice(world.VPN))
    session = life.visit(at, seat)
    life.do(at + 5 * MINUTE, "factor_added", seat, session, factor="totp")
    life.do(at + 9 * MINUTE, "key_made", seat, session, what="bot")


def fresh_account(life: Life) -> None:
    """Made last week; everything is set up in the first days, from home, the phone and the office."""
    life.ways = life.ways._replace(days=6, a_day=2.5)
    life.live(NOW_US - HOUR)
    at = NOW_US - 6 * DAY + 12 * HOUR
    for kind in ("factor_added", "key_made", "payee", "consent", "phone_changed"):
        at += life.rng.randint(2, 30) * HOUR
        seat = life.ordinary(at)
        session = life.enter(at, seat)
        life.do(at + 4 * MINUTE, kind, seat, session, factor="totp", what="first")


# -- written after the first measurement, to make accusing harder --------------------------------


def first_vpn(life: Life) -> None:
    """Somebody read of a leak: a VPN for the first time, and behind it a new password and another factor."""
    at = _until(life)
    seat = life.at_laptop(at, life.rng.choice(world.VPN))
    session = life.visit(at, seat)
    life.do(at + 20 * MINUTE, "password_changed", seat, session)
    if life.rng.random() < 0.6:
        life.do(at + 31 * MINUTE, "factor_added", seat, session, factor="webauthn")
    life.live(NOW_US, days=1, since=at)


def long_session(life: Life) -> None:
    """A session begun at home goes on in a hotel, at a hotspot or behind a VPN, and something is set up in it."""
    at = _until(life)
    session = life.visit(at - 5 * HOUR, life.at_laptop(at))
    guest, _ = life.rng.choice(world.AWAY)
    seat = life.at_laptop(at, life.rng.choice((guest, life.carrier, life.rng.choice(world.VPN))))
    life.use(at, seat, session, 3)
    life.do(
        at + 25 * MINUTE, life.rng.choice(("factor_added", "consent", "password_changed")), seat, session, factor="totp"
    )


def bad_signal(life: Life) -> None:
    """In a hotel, the known laptop asks and the phone does not hear it: three or four times, then it does."""
    life.ways = life.ways._replace(factor="push")
    at = NOW_US - 3 * DAY
    life.live(at)
    guest, _ = life.rng.choice(world.AWAY)
    seat = life.at_laptop(at, guest)
    for n in range(life.rng.randint(2, 4)):
        life.do(at + (n - 9) * MINUTE, "push_lost", seat, factor="push")
    life.use(at + MINUTE, seat, life.enter(at, seat), 3)
    life.visit(at + DAY, seat)


def contractor(life: Life) -> None:
    """A week at a client's: their machine, their network, and a key or an application for the work there."""
    at = NOW_US - 5 * DAY
    life.live(at)
    operator = (20473, "The Constant Company, LLC") if life.rng.random() < 0.2 else (8220, "COLT Technology Services")
    net = world.Net(f"62.{life.rng.randint(1, 250)}", *operator, life.home.place, "office")
    seat = life.at_laptop(at, net)._replace(agent=life.rng.choice(world.LAPTOPS), device=life.device())
    for day in range(4):
        when = life.awake(at + day * DAY)
        session = life.visit(when, seat)
        if day == 1:
            life.do(
                when + 30 * MINUTE,
                life.rng.choice(("key_made", "consent", "factor_added")),
                seat,
                session,
                factor="totp",
            )
