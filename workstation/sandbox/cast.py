"""Made-up people: who they are, where they live, what they use, when they are awake."""

from __future__ import annotations

import base64
import random
import unicodedata

import msgspec

from workstation.sandbox.atlas import Atlas, Device, Spot
from workstation.sandbox.vocabulary import token
from workstation.services.accounts.model import Contact, ContactKind, Factor
from workstation.services.clock import from_micros

MINUTE = 60 * 1_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

#: International dialling prefixes; the numbers behind them are made up and too short to reach anybody.
_DIAL = {"PT": "351", "BR": "55", "DE": "49", "AT": "43", "ES": "34", "MX": "52", "FR": "33", "PL": "48", "TR": "90",
         "JP": "81", "GB": "44", "US": "1", "IE": "353"}  # fmt: skip
#: Letters that have no decomposition into a Latin base letter.
_PLAIN = str.maketrans({"ł": "l", "ß": "ss", "ı": "i", "ø": "o", "æ": "ae", "İ": "i"})
_WORDS = ("harbour", "velvet", "cobalt", "lantern", "meadow", "quartz", "saffron", "thistle", "walnut", "juniper")


class Person(msgspec.Struct, kw_only=True):
    """A client. Times are microseconds; ``wake_h`` is the local hour at which his day begins."""

    id: str
    language: str
    name: str
    username: str
    email: str
    phone: str
    city: str
    country: str
    offset_h: float
    created_us: int
    kyc_level: int
    vip: bool
    balance_usd: float
    password: str
    home: Spot
    mobile: Spot
    office: Spot | None
    vpn: tuple[Spot, ...]
    main: Device
    phone_app: Device
    wake_h: float
    sessions_a_day: float
    trades_a_session: float
    robot_trades_a_day: int
    factor: str


def person(rng: random.Random, atlas: Atlas, language: str, now_us: int, *, heavy: bool, vpn: bool) -> Person:
    """Invent a client who speaks `language`.

    Args:
        rng: where chance comes from.
        atlas: the world.
        language: one of the atlas' languages.
        now_us: the present; the account is two months to seven years old.
        heavy: trades by a robot, thousands of events.
        vpn: usually comes through an anonymiser.
    """
    tongue = atlas.languages[language]
    city = rng.choice(tongue.cities)
    country = atlas.cities[city].country
    given, family = rng.randrange(len(tongue.given)), rng.randrange(len(tongue.family))
    first, last = tongue.given[given], tongue.family[family]
    if tongue.romaji_given:
        latin_first, latin_last = tongue.romaji_given[given], tongue.romaji_family[family]
    else:
        latin_first, latin_last = latin(first), latin(last)
    handle = rng.choice(
        (f"{latin_first}.{latin_last}", f"{latin_first[0]}{latin_last}", f"{latin_first}{latin_last[0]}")
    )
    number = rng.randint(2, 98)
    return Person(
        id=rng.choice("ABCDEFGH") + token(rng, 7),
        language=language,
        name=f"{last} {first}" if language == "ja" else f"{first} {last}",
        username=f"{handle.replace('.', '_')}{number}",
        email=f"{handle}{rng.choice(('', str(number)))}@{rng.choice(tongue.mail)}",
        phone=new_phone(rng, country),
        city=city,
        country=country,
        offset_h=atlas.cities[city].offset_h,
        created_us=now_us - rng.randint(330 if heavy else 60, 2600) * DAY - rng.randrange(DAY),
        kyc_level=rng.choice((1, 2, 2, 2, 3, 3)),
        vip=heavy and rng.random() < 0.5,
        balance_usd=round(rng.lognormvariate(11.2 if heavy else 8.9, 1.1), 2),
        password=new_password(rng),
        home=atlas.spot(rng, "home", city),
        mobile=atlas.spot(rng, "mobile", city),
        office=atlas.spot(rng, "office", city) if rng.random() < 0.3 and _has_office(atlas, city) else None,
        vpn=tuple(atlas.spot(rng, "vpn") for _ in range(5)) if vpn else (),
        main=atlas.make(rng, new_device(rng), "browser"),
        phone_app=atlas.make(rng, new_device(rng), "app"),
        wake_h=rng.gauss(7.5, 1.2),
        sessions_a_day=min(rng.lognormvariate(-0.7, 0.5), 2.0),
        trades_a_session=rng.uniform(0.2, 2.5),
        robot_trades_a_day=rng.randint(16, 24) if heavy else 0,
        factor=rng.choices(("totp", "sms", ""), (70, 22, 8))[0],
    )


def new_device(rng: random.Random) -> str:
    """Return a device id such as ``d-7QK2MA``."""
    return "d-" + token(rng, 6)


def new_password(rng: random.Random) -> str:
    """Return a password that somebody could remember."""
    return f"{rng.choice(_WORDS)}-{rng.choice(_WORDS)}-{rng.randint(10, 99)}"


def new_phone(rng: random.Random, country: str) -> str:
    """Return a number in E.164 with seven digits behind the country code, shorter than any real one there."""
    return f"+{_DIAL[country]}555{rng.randrange(10_000):04d}"


def new_address(rng: random.Random) -> str:
    """Return what looks like a Bitcoin address; its checksum is not one, so nothing can be sent there."""
    return "bc1q" + "".join(rng.choices("023456789acdefghjklmnpqrstuvwxyz", k=38))


def new_totp_key(rng: random.Random) -> str:
    """Return 160 random bits in base 32, as RFC 4226 (4, R6) recommends for a shared secret."""
    return base64.b32encode(rng.randbytes(20)).decode()


def contacts_of(one: Person) -> list[Contact]:
    """Return the e-mail address and number that were verified when the account was opened."""
    at = from_micros(one.created_us + 10 * MINUTE)
    return [
        Contact(kind=ContactKind.EMAIL, value=one.email, verified_at=at),
        Contact(kind=ContactKind.PHONE, value=one.phone, verified_at=at),
    ]


def factor(rng: random.Random, kind: str, label: str, at_us: int) -> Factor:
    """Return a new second factor, enrolled at `at_us`."""
    return Factor(id=f"fa-{token(rng, 8)}", kind=kind, label=label, enrolled_at=from_micros(at_us))


def latin(text: str) -> str:
    """Return a name as people write it in an address: lower case, no accents."""
    folded = unicodedata.normalize("NFKD", text.translate(_PLAIN)).encode("ascii", "ignore").decode()
    return "".join(c for c in folded.lower() if c.isalnum())


def _has_office(atlas: Atlas, city: str) -> bool:
    return any(net.kind == "office" and city in net.cities for net in atlas.network)
