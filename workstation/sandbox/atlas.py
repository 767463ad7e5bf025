"""The invented world's map: cities, networks with their addresses, devices, and names by language.

Everything in ``atlas.toml`` is made up but for the cities. Address, AS number, organisation, city and
country of a :class:`Spot` always belong together, and :meth:`Atlas.kind_of` is the reference data that a
real exchange would buy (which operators are hosters or anonymisers).
"""

from __future__ import annotations

import math
import random
import tomllib
from functools import cache
from pathlib import Path

import msgspec

from workstation.services.errors import Invalid

#: RFC 6996: AS numbers for private use start here.
FIRST_ASN = 64512
#: 198.18.0.0 (RFC 2544) as a number; a network has a /21 of it, a city of a network a /23.
_BASE = (198 << 24) | (18 << 16)
_NETWORK, _CITY = 2048, 512
#: Mean radius of the Earth in km (IUGG).
_EARTH_KM = 6371.0


class Spot(msgspec.Struct, frozen=True):
    """A place on the network: an address and everything that belongs to it.

    `location` is ``latitude,longitude`` of the city in degrees.
    """

    ip: str
    asn: str
    org: str
    city: str
    country: str
    location: str


class Device(msgspec.Struct, frozen=True):
    """What somebody signs in with."""

    id: str
    label: str
    kind: str
    user_agent: str


class City(msgspec.Struct, frozen=True, array_like=True):
    """Country code, coordinates in degrees, and hours ahead of UTC."""

    country: str
    latitude: float
    longitude: float
    offset_h: float


class Network(msgspec.Struct, frozen=True):
    """An operator: ``home``, ``mobile``, ``office``, ``hotel``, ``hosting`` or ``vpn``."""

    org: str
    kind: str
    cities: tuple[str, ...]


class Make(msgspec.Struct, frozen=True):
    """A make of device."""

    label: str
    kind: str
    user_agent: str


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """Where the speakers of a language live and how they are called."""

    cities: tuple[str, ...]
    given: tuple[str, ...]
    family: tuple[str, ...]
    mail: tuple[str, ...]
    romaji_given: tuple[str, ...] = ()
    romaji_family: tuple[str, ...] = ()


class Atlas(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of ``atlas.toml``."""

    cities: dict[str, City]
    network: tuple[Network, ...]
    languages: dict[str, Language]
    device: tuple[Make, ...]

    def spot(self, rng: random.Random, kind: str, city: str | None = None) -> Spot:
        """Return a random address of an operator of `kind`, in `city` where one is given.

        Raises:
            Invalid: no operator of that kind is in that city.
        """
        fitting = [
            (n, place) for n, net in enumerate(self.network) if net.kind == kind
            for place in net.cities if city in (None, place)
        ]  # fmt: skip
        if not fitting:
            raise Invalid(f"The atlas has no {kind} network in {city}.")
        index, place = rng.choice(fitting)
        net = self.network[index]
        host = 1 + rng.randrange(_CITY - 2)
        at = _BASE + index * _NETWORK + net.cities.index(place) * _CITY + host
        ip = ".".join(str(at >> shift & 255) for shift in (24, 16, 8, 0))
        found = self.cities[place]
        location = f"{found.latitude},{found.longitude}"
        return Spot(ip, str(FIRST_ASN + index), net.org, place, found.country, location)

    def kind_of(self, asn: str) -> str | None:
        """Return the kind of an operator, None for one that is not in the atlas."""
        index = int(asn) - FIRST_ASN if asn.isascii() and asn.isdigit() else -1
        return self.network[index].kind if 0 <= index < len(self.network) else None

    def distance_km(self, one: str, other: str) -> float | None:
        """Return the great-circle distance of two cities, None where one is unknown (haversine formula)."""
        a, b = self.cities.get(one), self.cities.get(other)
        if a is None or b is None:
            return None
        lat1, lat2 = math.radians(a.latitude), math.radians(b.latitude)
        dlat, dlon = lat2 - lat1, math.radians(b.longitude - a.longitude)
        h = math.sin(dlat / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin(dlon / 2) ** 2
        return 2 * _EARTH_KM * math.asin(math.sqrt(min(1.0, h)))

    def make(self, rng: random.Random, identifier: str, kind: str | None = None, label: str | None = None) -> Device:
        """Return a new device, of that kind (``browser``, ``app``) or label where given."""
        of = rng.choice([d for d in self.device if kind in (None, d.kind) and label in (None, d.label)])
        return Device(identifier, of.label, of.kind, of.user_agent.replace("{n}", str(rng.randint(2, 9))))


@cache
def atlas() -> Atlas:
    """Return the atlas, read once."""
    text = Path(__file__).with_name("atlas.toml").read_bytes()
    return msgspec.convert(tomllib.loads(text.decode()), Atlas)
