"""Small accounts with sixty days of habits and a story, for golden files and single detectors."""

from __future__ import annotations

from collections.abc import Callable

Record = dict[str, str]
LISBON = {"source.geo.country_iso_code": "PT", "source.geo.city_name": "Lisbon", "source.geo.location": "38.72,-9.14"}
HOME = {"source.ip": "198.51.100.10", "source.as.number": "3243", "source.as.organization.name": "Fibra Tejo", **LISBON}
ROAD = {"source.ip": "203.0.113.80", "source.as.number": "12353", "source.as.organization.name": "Movel", **LISBON}
SERVER = {
    "source.ip": "192.0.2.66", "source.as.number": "64500", "source.as.organization.name": "Cheap Hosting",
    "source.geo.country_iso_code": "LT", "source.geo.city_name": "Vilnius", "source.geo.location": "54.69,25.28",
}  # fmt: skip
HOTEL = {
    "source.ip": "192.0.2.190", "source.as.number": "64501", "source.as.organization.name": "Ospitale Hotels",
    "source.geo.country_iso_code": "IT", "source.geo.city_name": "Rome", "source.geo.location": "41.90,12.50",
}  # fmt: skip
LAPTOP = {"device.id": "d-laptop", "user_agent.original": "Mozilla/5.0 (Windows NT 10.0) Chrome/126.0"}
PHONE = {"device.id": "d-phone", "user_agent.original": "Client/7.1 (iPhone; iOS 17)"}
BAD = {
    "device.id": "d-bad",
    "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0",
}


def act(at: str, action: str, *parts: Record, outcome: str = "success", **more: str) -> Record:
    """Return an event of the account ``u1`` by itself."""
    out = {"at": at, "event.action": action, "event.outcome": outcome, "user.id": "u1", "user.target.id": "u1"}
    for part in parts:
        out |= part
    return out | {name.replace("__", "."): value for name, value in more.items()}


def habits(days: int = 60) -> list[Record]:
    """Return an evening at the laptop and a noon on the road, a session each."""
    out = [act("0d18h", "withdrawal_address.added", LAPTOP, HOME, session__id="s0", target__id="w-own")]
    for day in range(days):
        evening = {"session.id": f"e{day}", "authentication.factor": "totp"}
        noon = {"session.id": f"n{day}", "authentication.factor": "totp"}
        out.append(act(f"{day}d19h", "sign_in", LAPTOP, HOME, evening))
        out.append(act(f"{day}d19h10m", "trade.filled", LAPTOP, HOME, {"session.id": f"e{day}"}))
        if day % 2:
            out.append(act(f"{day}d12h", "sign_in", PHONE, ROAD, noon))
    return out


def _in(at: str, *whence: Record, factor: str = "totp", session: str = "bad") -> Record:
    return act(at, "sign_in", *whence, session__id=session, authentication__factor=factor)


def phished() -> list[Record]:
    live = {"session.id": "bad"}
    return [
        *habits(),
        _in("60d9h", BAD, SERVER),
        act("60d9h3m", "second_factor.removed", BAD, SERVER, live, authentication__factor="totp"),
        act("60d9h5m", "withdrawal_address.added", BAD, SERVER, live, target__id="w-bad"),
        act("60d9h11m", "withdrawal.requested", BAD, SERVER, live, target__id="w-bad"),
    ]


def settles_in() -> list[Record]:
    live = {"session.id": "bad"}
    return [
        *habits(),
        _in("60d9h", BAD, SERVER),
        act("60d9h3m", "second_factor.removed", BAD, SERVER, live),
        act("60d9h4m", "second_factor.added", BAD, SERVER, live),
        act("60d9h9m", "email.changed", BAD, SERVER, live),
        act("60d9h20m", "api_key.created", BAD, SERVER, live, target__id="k-bad"),
    ]


def copied_cookie() -> list[Record]:
    live = {"session.id": "live"}
    return [
        *habits(),
        _in("60d19h", LAPTOP, HOME, session="live"),
        act("60d20h", "session.resumed", BAD, SERVER, live),
        act("60d20h4m", "withdrawal_address.added", BAD, SERVER, live, target__id="w-bad"),
        act("60d20h9m", "withdrawal.requested", BAD, SERVER, live, target__id="w-bad"),
    ]


def stuffed() -> list[Record]:
    tries = [
        act(
            f"60d3h{n}m",
            "sign_in",
            {"source.ip": f"192.0.2.{100 + n}", "source.as.number": f"6451{n}"},
            outcome="failure",
        )
        for n in range(5)
    ]
    return [*habits(), *tries, _in("60d3h8m", BAD, SERVER, factor="")]


def mailbox() -> list[Record]:
    return [
        *habits(),
        act("60d9h", "password.reset_requested", BAD, SERVER),
        act("60d9h2m", "password.reset", BAD, SERVER),
        _in("60d9h3m", BAD, SERVER, factor=""),
        act("60d9h8m", "email.changed", BAD, SERVER, session__id="bad"),
    ]


def woken() -> list[Record]:
    return [
        *habits(),
        _in("200d9h", BAD, SERVER),
        act("200d9h9m", "withdrawal.requested", BAD, SERVER, target__id="w-x"),
    ]


def at_night() -> list[Record]:
    live = {"session.id": "live"}
    return [
        *habits(),
        _in("60d19h", LAPTOP, HOME, session="live"),
        act("61d3h", "withdrawal_address.added", LAPTOP, HOME, live, target__id="w-bad"),
        act("61d3h2m", "withdrawal.requested", LAPTOP, HOME, live, target__id="w-bad"),
    ]


def worn_down() -> list[Record]:
    asked = [act(f"60d2h{n}m", "sign_in.challenged", BAD, SERVER) for n in range(8)]
    return [*habits(), *asked, act("60d2h9m", "second_factor.checked", BAD, SERVER), _in("60d2h9m", BAD, SERVER)]


def wrong_factor() -> list[Record]:
    return [
        *habits(),
        *(
            act(f"60d2h{n}m", "sign_in", BAD, SERVER, outcome="failure", event__reason="factor_required")
            for n in range(3)
        ),
    ]


def helped() -> list[Record]:
    desk = {"user.id": "staff-9"}
    return [
        *habits(),
        act("60d9h", "phone.changed", desk),
        act("60d9h3m", "second_factor.removed", desk),
        act("60d9h30m", "password.reset", BAD, SERVER),
        _in("60d9h31m", BAD, SERVER, factor=""),
    ]


def faster_than_a_plane() -> list[Record]:
    return [*habits(), _in("60d19h", LAPTOP, HOME, session="a"), _in("60d20h", BAD, HOTEL, session="b")]


# -- innocents: none of them may be an alarm --------------------------------------------------------


def quiet() -> list[Record]:
    return habits()


def new_phone_at_home() -> list[Record]:
    phone = {"device.id": "d-new", "user_agent.original": "Client/7.2 (Android 14)", "session.id": "new"}
    return [
        *habits(),
        _in("60d19h", phone, HOME, session="new"),
        act("60d19h3m", "second_factor.removed", phone, HOME),
        act("60d19h5m", "second_factor.added", phone, HOME),
        act("60d19h20m", "withdrawal.requested", phone, HOME, target__id="w-own"),
    ]


def journey() -> list[Record]:
    return [
        *habits(),
        _in("61d9h", PHONE, HOTEL, session="away"),
        act("61d9h20m", "withdrawal.requested", PHONE, HOTEL, session__id="away", target__id="w-own"),
        _in("62d9h", {"device.id": "d-new"}, HOTEL, session="tablet"),
    ]


def forgotten() -> list[Record]:
    wrong = [act(f"60d19h{n}m", "sign_in", LAPTOP, HOME, outcome="failure") for n in range(5)]
    return [*habits(), *wrong, act("60d19h9m", "password.reset", LAPTOP, HOME), _in("60d19h10m", LAPTOP, HOME)]


def anonymiser() -> list[Record]:
    return [*habits(), _in("60d19h", LAPTOP, HOME, session="a"), _in("60d19h40m", LAPTOP, SERVER, session="b")]


TAKEOVERS: dict[str, Callable[[], list[Record]]] = {
    f.__name__: f for f in (phished, settles_in, copied_cookie, stuffed, mailbox, woken, at_night, worn_down, helped)
}
SUSPECT: dict[str, Callable[[], list[Record]]] = {f.__name__: f for f in (wrong_factor, faster_than_a_plane)}
INNOCENT: dict[str, Callable[[], list[Record]]] = {
    f.__name__: f for f in (quiet, new_phone_at_home, journey, forgotten, anonymiser)
}
STORIES = TAKEOVERS | SUSPECT | INNOCENT
