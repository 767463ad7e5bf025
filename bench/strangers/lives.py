"""A made-up account: what its owner and others did, before any vendor writes it down."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.strangers import world
from bench.strangers.world import DAY, HOUR, MINUTE, NOW_US, Net, Seat


class Step(NamedTuple):
    """Something that happened. ``by`` is the staff who did it, ``""`` where it was done from a seat of the account."""

    at: int
    kind: str
    seat: Seat | None
    session: str
    hostile: bool
    factor: str
    what: str
    by: str


class Ways(NamedTuple):
    """How an account is used: what differs between people more than between vendors."""

    days: int
    a_day: float
    factor: str
    phone_share: float
    office: bool
    #: How often a mobile carrier's address is put into the wrong city.
    geo_error: float


@dataclass
class Life:
    """A history in the making; steps are kept in the order in which stories tell them."""

    seed: str
    vendor: str
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Draw the owner's places, devices and ways."""
        self.rng = rng = random.Random(self.seed)
        self.home, self.carrier, self.other_line, self.mistaken = rng.choice(world.HOMES)
        self.home_ip = world.address(rng, self.home)
        self.office_net = self.other_line._replace(kind="office")
        self.office_ip = world.address(rng, self.office_net)
        self.laptop = rng.choice(world.LAPTOPS), self.device()
        self.phone = rng.choice(world.PHONES), self.device()
        self.login = (
            f"{rng.choice(('ana', 'jo', 'mika', 'lee', 'sam', 'rui', 'eva'))}.{world.token(rng, 4)}@example.org"
        )
        self.user_id = world.token(rng, 20, "0123456789abcdefghijklmnopqrstuvwxyz")
        self.ways = Ways(
            days=rng.choice((6, 14, 30, 60, 90, 120, 200)),
            a_day=rng.choice((0.3, 0.7, 1.2, 2.5, 4.0)),
            factor=rng.choice(("push", "push", "totp", "sms", "")),
            phone_share=rng.choice((0.1, 0.3, 0.6)),
            office=rng.random() < 0.4,
            geo_error=rng.choice((0.0, 0.1, 0.35)),
        )
        self.hostile = False

    def device(self) -> str:
        """Return the id of a new device."""
        return world.token(self.rng, 32)

    # -- seats ---------------------------------------------------------------------------------

    def version(self, at: int) -> int:
        """Return the version that browsers have at a moment: a new one every four weeks."""
        return 124 + (at - NOW_US) // (28 * DAY)

    def at_laptop(self, at: int, net: Net | None = None, ip: str = "") -> Seat:
        """Return the laptop, at home unless a network is named."""
        net = net or self.home
        ip = ip or (self.home_ip if net is self.home else world.address(self.rng, net))
        return Seat(ip, net, self.laptop[0], self.version(at), self.laptop[1])

    def at_phone(self, at: int, net: Net | None = None) -> Seat:
        """Return the phone behind its carrier: another address nearly every time, now and then in a wrong city."""
        net = net or self.carrier
        if net.kind == "mobile" and self.rng.random() < self.ways.geo_error:
            net = net._replace(place=self.mistaken)
        ip = self.home_ip if net is self.home else world.address(self.rng, net)
        return Seat(ip, net, self.phone[0], self.version(at), self.phone[1])

    def stranger(self, at: int, nets: tuple[Net, ...] = ()) -> Seat:
        """Return an intruder's seat: a rented machine, a line abroad or a proxy at a line of the owner's country."""
        rng = self.rng
        proxy = self.other_line._replace(prefix=f"{self.other_line.prefix.split('.')[0]}.{rng.randint(1, 250)}")
        net = rng.choice(nets or (*world.HOSTING, *world.ABROAD, proxy, proxy))
        agent = rng.choice((*world.LAPTOPS, world.WINDOWS_CHROME, world.WINDOWS_CHROME))
        return Seat(world.address(rng, net), net, agent, self.version(at) - rng.randint(0, 2), self.device())

    # -- steps ---------------------------------------------------------------------------------

    def do(
        self,
        at: int,
        kind: str,
        seat: Seat | None = None,
        session: str = "",
        *,
        hostile: bool = False,
        factor: str = "",
        what: str = "",
        by: str = "",
    ) -> None:
        """Add a step."""
        self.hostile = self.hostile or hostile
        self.steps.append(Step(at, kind, seat, session, hostile, factor, what, by))

    def enter(self, at: int, seat: Seat, factor: str | None = None, *, hostile: bool = False) -> str:
        """Sign in with the account's factor (or another, or none) and return the session."""
        session = world.token(self.rng, 25, "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
        self.do(at, "sign_in", seat, session, hostile=hostile, factor=self.ways.factor if factor is None else factor)
        return session

    def use(self, at: int, seat: Seat, session: str, times: int = 1, *, hostile: bool = False) -> None:
        """Open applications in a session, some minutes apart."""
        for n in range(times):
            self.do(
                at + n * self.rng.randint(1, 9) * MINUTE,
                "use",
                seat,
                session,
                hostile=hostile,
                what=self.rng.choice(world.APPS),
            )

    def visit(self, at: int, seat: Seat) -> str:
        """Come as the owner does: a mistyped password now and then, some work, rarely a sign-out."""
        rng = self.rng
        if rng.random() < 0.04:
            self.do(at - MINUTE, "refused", seat)
        session = self.enter(at, seat)
        self.use(at + MINUTE, seat, session, rng.randint(0, 3))
        if rng.random() < 0.15:
            self.do(at + rng.randint(20, 200) * MINUTE, "sign_out", seat, session)
        return session

    def ordinary(self, at: int) -> Seat:
        """Return one of the places from which the owner works."""
        rng = self.rng
        if rng.random() < self.ways.phone_share:
            return self.at_phone(at, self.home if rng.random() < 0.5 else None)
        if self.ways.office and rng.random() < 0.5:
            return self.at_laptop(at, self.office_net, self.office_ip)
        return self.at_laptop(at)

    def live(self, until: int, days: int = 0, since: int = 0) -> None:
        """Lead the ordinary life for as many days as the account has, ending at a moment."""
        rng, days = self.rng, days or self.ways.days
        for back in range(days, 0, -1):
            start = until - back * DAY
            if start < since:
                continue
            if rng.random() < 0.05:
                self.home_ip = world.near(rng, self.home, self.home_ip)
            visits = int(self.ways.a_day) + (rng.random() < self.ways.a_day % 1)
            for _ in range(visits):
                at = self.awake(start)
                if at < until:
                    self.visit(at, self.ordinary(at))

    def awake(self, at: int) -> int:
        """Return a moment of the owner's waking hours of the day on which `at` is."""
        hour = min(23.5, max(6.5, self.rng.gauss(14, 4)))
        return at // DAY * DAY + int((hour - self.home.place.ahead) * HOUR)
