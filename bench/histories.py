"""Made-up histories of another kind than the sandbox's: other habits, other logs, cases that the sandbox has not.

They keep detectors from living off one generator. A history is written in one of four styles, as logs differ: ``full``
says everything; ``bank`` knows no devices, sessions or positions and has words of its own; ``idp`` knows no AS and no
ledger-like fields; ``bare`` knows an address, an action and its outcome.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from workstation.services.timeline.event import FIELDS, Event, Outcome

MINUTE = 60_000_000
HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE
#: 2026-06-01T00:00:00Z.
NOW_US = 1_780_272_000_000_000
STYLES = ("full", "bank", "idp", "bare")
_DROPPED: dict[str, tuple[str, ...]] = {
    "full": (),
    "bank": ("device.id", "session.id", "source.geo.location", "source.geo.city_name"),
    "idp": ("source.as.number", "source.as.organization.name", "source.geo.location", "target.id"),
    "bare": tuple(name for name in FIELDS if name.startswith(("device", "session", "source.geo", "source.as", "user"))),
}
_WORDS: dict[str, dict[str, str]] = {
    "bank": {
        "sign_in": "login", "second_factor.removed": "mfa.removed", "second_factor.added": "mfa.added",
        "contact.changed": "email_change", "withdrawal_address.added": "payee.added",
        "withdrawal.requested": "payout.requested",
    },
}  # fmt: skip
_PROGRAMS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/{v}.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/605.1 Version/{v}.1 Safari/605.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0",
    "Client/{v}.2 (iPhone; iOS 17)",
    "Client/{v}.4 (Android 14)",
)


class Net(NamedTuple):
    """A network in one place; `wide`: every visit has another address of it."""

    prefix: str
    asn: str
    org: str
    country: str
    city: str
    location: str
    wide: bool = False


class Seat(NamedTuple):
    """A device in a network, at an address."""

    device: str
    program: str
    net: Net
    ip: str


_HOMES = (
    Net("81.20.4", "AS3320", "Landnetz", "DE", "Hamburg", "53.55,9.99"),
    Net("90.11.7", "AS3215", "Hexagone Fibre", "FR", "Lille", "50.63,3.06"),
    Net("78.3.22", "AS5391", "Adria Link", "HR", "Split", "43.51,16.44"),
    Net("24.6.90", "AS7922", "Prairie Cable", "US", "Denver", "39.74,-104.99"),
)
_MOBILE = Net("109.40.{n}", "AS{home}1", "{org} Mobil", "", "", "", wide=True)
_AWAY = (
    Net("189.10.3", "AS28573", "Costa Hotel Wifi", "BR", "Salvador", "-12.97,-38.50"),
    Net("110.77.5", "AS23969", "Siam Guest Net", "TH", "Phuket", "7.88,98.39"),
    Net("62.4.18", "AS12874", "Rete Alberghi", "IT", "Naples", "40.85,14.27"),
)
_OFFICE = Net("193.17.60", "AS680", "Works Campus", "", "", "")
_VPN = tuple(
    Net(f"185.{n}.3", f"AS90{n:02}", "Tunnelbear VPN", land, city, at)
    for n, (land, city, at) in enumerate((("NL", "Utrecht", "52.1,5.1"), ("SE", "Malmo", "55.6,13.0"),
                                          ("US", "Dallas", "32.8,-96.8")))
)  # fmt: skip
_BAD = (
    Net("45.9.148", "AS49505", "Cheap Servers Ltd", "RU", "Moscow", "55.75,37.62"),
    Net("102.89.33", "AS29465", "Lagoon Broadband", "NG", "Lagos", "6.45,3.39"),
    Net("171.22.8", "AS16276", "OVH SAS", "FR", "Roubaix", "50.69,3.18"),
)


class Life:
    """Somebody's account: his habits first, a story at the end."""

    def __init__(self, seed: int, story: str) -> None:
        self.rng = rng = random.Random(f"{story}:{seed}")
        self.records: list[dict[str, Any]] = []
        self.home_net = rng.choice(_HOMES)
        near = {"country": self.home_net.country, "city": self.home_net.city, "location": self.home_net.location}
        self.mobile_net = _MOBILE._replace(prefix=f"109.4{rng.randrange(9)}", asn=self.home_net.asn + "1",
                                           org=f"{self.home_net.org} Mobil", **near)  # fmt: skip
        self.office_net = _OFFICE._replace(**near)
        laptop, phone = rng.choice(_PROGRAMS[:3]), rng.choice(_PROGRAMS[3:])
        self.laptop = self.seat(self.home_net, laptop)
        self.phone = self.seat(self.mobile_net, phone)
        self.factor = rng.choice(("totp", "push", "webauthn"))
        self.wallets = [f"w-{rng.getrandbits(40):x}" for _ in range(2)]
        self.end = NOW_US - rng.randrange(DAY)
        self.bad = False

    def seat(self, net: Net, program: str = "", device: str = "") -> Seat:
        """Return a device (a new one where none is given) at an address of a network."""
        program = (program or self.rng.choice(_PROGRAMS)).replace("{v}", str(self.rng.randint(110, 126)))
        return Seat(device or f"dev-{self.rng.getrandbits(48):x}", program, net, self._ip(net))

    def _ip(self, net: Net) -> str:
        rest = 4 - len(net.prefix.split("."))
        return ".".join((net.prefix, *(str(self.rng.randint(1, 250)) for _ in range(rest))))

    def at(self, seat: Seat, net: Net) -> Seat:
        """Return the same device in another network."""
        return seat._replace(net=net, ip=self._ip(net))

    def do(self, at_us: int, action: str, seat: Seat | None = None, outcome: str = "success", **more: str) -> None:
        """Write an event."""
        record: dict[str, Any] = {"at": at_us, "event.action": action, "event.outcome": outcome, "user.id": "u1",
                                  "user.target.id": "u1", "event.id": f"h{len(self.records)}"}  # fmt: skip
        if seat is not None:
            net = seat.net
            record |= {"source.ip": self._ip(net) if net.wide else seat.ip, "device.id": seat.device,
                       "user_agent.original": seat.program, "source.as.number": net.asn,
                       "source.as.organization.name": net.org, "source.geo.country_iso_code": net.country,
                       "source.geo.city_name": net.city, "source.geo.location": net.location}  # fmt: skip
        self.records.append(record | {name.replace("__", "."): value for name, value in more.items()})

    def enter(self, at_us: int, seat: Seat, factor: str | None = None) -> str:
        """Somebody signs in; returns the session."""
        session = f"s{self.rng.getrandbits(40):x}"
        used = self.factor if factor is None else factor
        self.do(at_us, "sign_in", seat, session__id=session, authentication__factor=used)
        return session

    def live(self, days: int, *, until: int | None = None, vpn: bool = False, roams: bool = False) -> None:
        """Write ordinary days up to `until`."""
        until, rng = self.end if until is None else until, self.rng
        first = until - days * DAY
        self.do(first, "second_factor.added", self.laptop, authentication__factor=self.factor)
        for wallet in self.wallets:
            self.do(first + HOUR, "withdrawal_address.added", self.laptop, target__id=wallet)
        for day in range(1, days):
            for _ in range(rng.choice((0, 0, 1, 1, 2))):
                at = first + day * DAY + int(min(max(rng.gauss(15, 3), 7), 22.9) * HOUR)
                seat = rng.choice((self.laptop, self.phone, self.at(self.phone, self.home_net)))
                if vpn and rng.random() < 0.5:
                    seat = self.at(seat, rng.choice(_VPN))
                if roams:
                    seat = self.at(seat, self.mobile_net._replace(prefix=f"100.{rng.randint(64, 120)}"))
                if at < until - HOUR:
                    self._visit(at, seat)

    def _visit(self, at: int, seat: Seat) -> None:
        rng = self.rng
        if rng.random() < 0.06:
            self.do(at - MINUTE, "sign_in", seat, "failure", event__reason="bad password")
        session = self.enter(at, seat)
        for n in range(rng.randrange(4)):
            self.do(at + (n + 1) * 2 * MINUTE, "order.placed", seat, session__id=session)
        if rng.random() < 0.04:
            self.do(
                at + 9 * MINUTE, "withdrawal.requested", seat, session__id=session, target__id=rng.choice(self.wallets)
            )

    def events(self, style: str) -> list[Event]:
        """Return the history as a log of that style shows it."""
        return sorted(self._styled(style), key=lambda event: (event.time_us, event.id))

    def _styled(self, style: str) -> Iterator[Event]:
        words, dropped = _WORDS.get(style, {}), _DROPPED[style]
        for record in self.records:
            kept = {name: value for name, value in record.items() if name not in dropped and value}
            at = kept.pop("at")
            kept["event.action"] = words.get(kept["event.action"], kept["event.action"])
            values = {FIELDS[name]: value for name, value in kept.items()}
            yield Event(**(values | {"outcome": Outcome(values["outcome"])}), source=f"log-{style}", time_us=at)


def history(story: str, seed: int) -> Life:
    """Return the history of one of :data:`STORIES`."""
    life = Life(seed, story)
    life.bad = story in TAKEOVERS
    STORIES[story](life)
    return life


# -- innocents -------------------------------------------------------------------------------------


def nothing(life: Life) -> None:
    life.live(life.rng.randint(60, 300))


def journey(life: Life) -> None:
    life.live(200, until=life.end - 4 * DAY)
    phone, at = life.at(life.phone, life.rng.choice(_AWAY)), life.end - 3 * DAY
    session = life.enter(at, phone)
    life.do(at + 6 * MINUTE, "withdrawal.requested", phone, session__id=session, target__id=life.wallets[0])
    life.enter(at + DAY, life.at(life.laptop, phone.net))


def journey_with_new_phone(life: Life) -> None:
    """Bought at the airport: the authenticator moves to it by the old one's word; money goes where it always did."""
    life.live(200, until=life.end - 4 * DAY)
    phone, at = life.seat(life.rng.choice(_AWAY), _PROGRAMS[3]), life.end - 3 * DAY
    session = life.enter(at, phone)
    life.do(at + 7 * MINUTE, "second_factor.checked", phone, session__id=session, authentication__factor=life.factor)
    life.do(at + 8 * MINUTE, "second_factor.added", phone, session__id=session, authentication__factor=life.factor)
    life.do(at + DAY, "withdrawal.requested", phone, session__id=life.enter(at + DAY - MINUTE, phone),
            target__id=life.wallets[1])  # fmt: skip


def new_phone(life: Life) -> None:
    """A new phone at home: factor moved in the evening, and a new wallet some days later, on the road."""
    life.live(200, until=life.end - 6 * DAY)
    phone, at = life.seat(life.home_net, _PROGRAMS[4]), life.end - 5 * DAY
    life.enter(at - HOUR, life.laptop)
    session = life.enter(at, phone)
    life.do(at + 2 * MINUTE, "second_factor.removed", phone, session__id=session, authentication__factor=life.factor)
    life.do(at + 4 * MINUTE, "second_factor.added", phone, session__id=session, authentication__factor=life.factor)
    there, later = life.at(phone, life.mobile_net), at + 3 * DAY
    session = life.enter(later, there)
    life.do(later + 5 * MINUTE, "withdrawal_address.added", there, session__id=session, target__id="w-new")
    life.do(later + DAY, "withdrawal.requested", there, session__id=life.enter(later + DAY - MINUTE, there),
            target__id="w-new")  # fmt: skip


def family(life: Life) -> None:
    life.live(150, until=life.end - DAY)
    tablet = life.seat(life.home_net)
    for n in range(4):
        life.enter(life.end - DAY + n * 3 * HOUR, tablet)


def anonymiser(life: Life) -> None:
    life.live(200, vpn=True)
    for n, net in enumerate(_VPN):
        life.enter(life.end - (3 - n) * 40 * MINUTE, life.at(life.laptop, net))


def password_manager(life: Life) -> None:
    """The company rolls one out: new passwords and passkeys for all, from known devices, after some wrong tries."""
    life.live(200, until=life.end - DAY)
    at, seat = life.end - 9 * HOUR, life.at(life.laptop, life.office_net)
    for n in range(3):
        life.do(at + n * MINUTE, "sign_in", seat, "failure", event__reason="bad password")
    session = life.enter(at + 5 * MINUTE, seat)
    life.do(at + 8 * MINUTE, "password.changed", seat, session__id=session)
    life.do(at + 9 * MINUTE, "second_factor.added", seat, session__id=session, authentication__factor="webauthn")
    life.do(at + 11 * MINUTE, "second_factor.removed", seat, session__id=session, authentication__factor=life.factor)


def office(life: Life) -> None:
    """A new job: a company's address that hundreds share, and the laptop that was always his."""
    life.live(200, until=life.end - 10 * DAY)
    seat = life.at(life.laptop, life.office_net)
    for day in range(9):
        at = life.end - (9 - day) * DAY + 9 * HOUR
        life.do(at - MINUTE, "sign_in", seat, "failure", event__reason="bad password")
        session = life.enter(at, seat)
        if day == 4:
            life.do(at + HOUR, "api_key.created", seat, session__id=session, target__id="k-robot")


def roamer(life: Life) -> None:
    life.live(250, roams=True)
    session = life.enter(life.end - 2 * HOUR, life.phone)
    for n in range(5):
        seat = life.at(life.phone, life.mobile_net._replace(prefix=f"100.{life.rng.randint(64, 120)}"))
        life.do(life.end - 2 * HOUR + (n + 1) * 15 * MINUTE, "order.placed", seat, session__id=session)


def private_windows(life: Life) -> None:
    """A browser that forgets: every visit is a new device."""
    life.live(60, until=life.end - 100 * DAY)
    for day in range(99):
        at, seat = life.end - (99 - day) * DAY, life.seat(life.home_net, _PROGRAMS[2])
        life._visit(at, seat)


def back_after_months(life: Life) -> None:
    life.live(150, until=life.end - 150 * DAY)
    phone = life.seat(life.home_net, _PROGRAMS[3]) if life.rng.random() < 0.5 else life.phone
    session = life.enter(life.end - 5 * HOUR, phone)
    life.do(life.end - 4 * HOUR, "withdrawal.requested", phone, session__id=session, target__id=life.wallets[0])


def reset_at_home(life: Life) -> None:
    life.live(150, until=life.end - DAY)
    at = life.end - 7 * HOUR
    for n in range(4):
        life.do(at + n * MINUTE, "sign_in", life.laptop, "failure", event__reason="bad password")
    life.do(at + 6 * MINUTE, "password.reset_requested", life.laptop)
    life.do(at + 9 * MINUTE, "password.reset", life.laptop)
    life.enter(at + 10 * MINUTE, life.laptop)


def no_signal(life: Life) -> None:
    """The push does not come through; he asks again and again until it does."""
    life.live(150, until=life.end - DAY)
    at = life.end - 7 * HOUR
    for n in range(6):
        life.do(at + n * MINUTE, "sign_in.challenged", life.laptop, authentication__factor="push")
    life.do(at + 6 * MINUTE, "second_factor.checked", life.laptop, authentication__factor="push")
    life.enter(at + 7 * MINUTE, life.laptop)


# -- takeovers -------------------------------------------------------------------------------------


def _intruder(life: Life) -> Seat:
    near = life.home_net._replace(prefix=f"95.90.{life.rng.randint(1, 90)}", asn="AS31334", org="Nachbar Kabel")
    return life.seat(life.rng.choice((*_BAD, near)))


def _drain(life: Life, at: int, seat: Seat, session: str) -> None:
    life.do(at + 4 * MINUTE, "withdrawal_address.added", seat, session__id=session, target__id="w-bad")
    life.do(at + 9 * MINUTE, "withdrawal.requested", seat, session__id=session, target__id="w-bad")


def phished(life: Life) -> None:
    life.live(200, until=life.end - DAY)
    seat, at = _intruder(life), life.end - 8 * HOUR
    _drain(life, at, seat, life.enter(at, seat))


def settles_in(life: Life) -> None:
    """No money yet: the factor is exchanged, the address too, and an API key is left."""
    life.live(200, until=life.end - DAY)
    seat, at = _intruder(life), life.end - 8 * HOUR
    session = life.enter(at, seat)
    life.do(at + 3 * MINUTE, "second_factor.removed", seat, session__id=session, authentication__factor=life.factor)
    life.do(at + 4 * MINUTE, "second_factor.added", seat, session__id=session, authentication__factor="totp")
    life.do(at + 9 * MINUTE, "contact.changed", seat, session__id=session)
    life.do(at + 12 * MINUTE, "api_key.created", seat, session__id=session, target__id="k-bad")


def copied_session(life: Life) -> None:
    life.live(200, until=life.end - DAY)
    at, seat = life.end - 8 * HOUR, _intruder(life)
    session = life.enter(at - 2 * HOUR, life.laptop)
    life.do(at, "order.placed", seat, session__id=session)
    _drain(life, at, seat, session)


def stuffed(life: Life) -> None:
    life.live(200, until=life.end - DAY)
    at = life.end - 8 * HOUR
    for n in range(life.rng.randint(4, 9)):
        life.do(at + n * MINUTE, "sign_in", life.seat(life.rng.choice(_BAD)), "failure", event__reason="bad password")
    seat = _intruder(life)
    session = life.enter(at + 12 * MINUTE, seat, "")
    life.do(at + 20 * MINUTE, "withdrawal_address.added", seat, session__id=session, target__id="w-bad")


def through_the_mailbox(life: Life) -> None:
    life.live(200, until=life.end - DAY)
    seat, at = _intruder(life), life.end - 8 * HOUR
    life.do(at, "password.reset_requested", seat)
    life.do(at + 2 * MINUTE, "password.reset", seat)
    session = life.enter(at + 3 * MINUTE, seat, "")
    life.do(at + 6 * MINUTE, "contact.changed", seat, session__id=session)
    _drain(life, at + 8 * MINUTE, seat, session)


def woken(life: Life) -> None:
    life.live(150, until=life.end - 150 * DAY)
    seat, at = _intruder(life), life.end - 8 * HOUR
    _drain(life, at, seat, life.enter(at, seat))


def worn_down(life: Life) -> None:
    life.live(200, until=life.end - DAY)
    seat, at = _intruder(life), life.end - 8 * HOUR
    for n in range(life.rng.randint(6, 14)):
        life.do(at + n * MINUTE, "sign_in.challenged", seat, authentication__factor="push")
    life.do(at + 16 * MINUTE, "second_factor.checked", seat, authentication__factor="push")
    session = life.enter(at + 16 * MINUTE, seat)
    life.do(at + 19 * MINUTE, "second_factor.added", seat, session__id=session, authentication__factor="totp")


def through_the_helpdesk(life: Life) -> None:
    life.live(200, until=life.end - DAY)
    seat, at = _intruder(life), life.end - 8 * HOUR
    life.do(at, "second_factor.removed", user__id="helpdesk-3", authentication__factor=life.factor)
    life.do(at + 5 * MINUTE, "password.reset", seat)
    session = life.enter(at + 6 * MINUTE, seat, "")
    life.do(at + 9 * MINUTE, "second_factor.added", seat, session__id=session, authentication__factor="totp")
    life.do(at + 2 * HOUR, "withdrawal.requested", seat, session__id=session, target__id="w-bad")


def patient(life: Life) -> None:
    """He comes, looks, and acts two days later."""
    life.live(200, until=life.end - 4 * DAY)
    seat, at = _intruder(life), life.end - 3 * DAY
    life.enter(at, seat)
    session = life.enter(at + 2 * DAY, seat)
    life.do(at + 2 * DAY + 3 * MINUTE, "contact.changed", seat, session__id=session)
    _drain(life, at + 2 * DAY + 5 * MINUTE, seat, session)


INNOCENT: dict[str, Callable[[Life], None]] = {
    f.__name__: f
    for f in (
        nothing, journey, journey_with_new_phone, new_phone, family, anonymiser, password_manager, office, roamer,
        private_windows, back_after_months, reset_at_home, no_signal,
    )
}  # fmt: skip
TAKEOVERS: dict[str, Callable[[Life], None]] = {
    f.__name__: f
    for f in (
        phished, settles_in, copied_session, stuffed, through_the_mailbox, woken, worn_down, through_the_helpdesk,
        patient,
    )
}  # fmt: skip
STORIES = INNOCENT | TAKEOVERS
