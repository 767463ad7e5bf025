"""Impossible travel, as honest as a table of addresses allows.

A position is where somebody's database puts an address, not where somebody is. Only positions with a city count: the
middle of a country is none. Each is taken to be off by :data:`ERROR_KM`; MaxMind calls about 80 % of its cities right
within 50 km in well-covered countries, far fewer for mobile networks, whose gateways serve half a country. A hoster's
or anonymiser's network is where its machines are and says nothing about the person, so it is left out. What remains
must be faster than :data:`SPEED_KMH`, above any airliner's cruise, over the distance that is left when both errors
shorten it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workstation.services.timeline.marks.coded.telling import finding
from workstation.services.timeline.marks.lens import Lens, Numbers
from workstation.services.timeline.marks.model import About, Fact, Finding, lasting, told
from workstation.services.timeline.working.frame import Check

ERROR_KM = 200.0
SPEED_KMH = 1_000.0
#: Mean radius of the Earth in km (IUGG).
_EARTH_KM = 6371.0
_MOST = 200

ABOUT = About(
    id="impossible_travel",
    title="Faster than anybody travels",
    severity="medium",
    kind="coded",
    innocent="An anonymiser or company network that is not known as one, a provider whose addresses the database puts"
    " elsewhere, or two people who share the account.",
    technique="T1078",
    where="coded/travel.py",
)


class ImpossibleTravel:
    """The detector."""

    about = ABOUT

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        latitude, longitude = _positions(lens)
        usable = lens.present & ~lens.hosted & ~np.isnan(latitude)[_at(lens)]
        places = np.flatnonzero(usable)
        check()
        # Only where the position changes is there a journey.
        at = _at(lens)[places]
        jumps = np.flatnonzero(at[1:] != at[:-1])
        one, other = places[jumps], places[jumps + 1]
        km = _distance(latitude[_at(lens)[one]], longitude[_at(lens)[one]], latitude[_at(lens)[other]],
                       longitude[_at(lens)[other]])  # fmt: skip
        hours = np.maximum((lens.times[other] - lens.times[one]) / 3.6e9, 1 / 60)
        least = np.maximum(km - 2 * ERROR_KM, 0.0)
        fast = np.flatnonzero(least / hours > SPEED_KMH)
        ways = self._ways(lens, one[fast], other[fast])
        return [self._found(lens, one[n], other[n], float(km[n]), len(ways[w])) for w, n in _newest(ways, fast)]

    @staticmethod
    def _ways(lens: Lens, one: Numbers, other: Numbers) -> dict[tuple[int, int], list[int]]:
        """Return journeys by the two networks between which they are: back and forth is one thing."""
        ways: dict[tuple[int, int], list[int]] = {}
        for n, (a, b) in enumerate(zip(lens.network[one].tolist(), lens.network[other].tolist(), strict=True)):
            ways.setdefault((min(a, b), max(a, b)), []).append(n)
        return ways

    @staticmethod
    def _found(lens: Lens, one: int, other: int, km: float, count: int) -> Finding:
        took = int(lens.times[other] - lens.times[one])
        least = km - 2 * ERROR_KM
        speed = least / max(took / 3.6e9, 1 / 60)
        cities = [told(lens.text(place, "source.geo.city_name")) for place in (one, other)]
        why = (
            f"{cities[0]} and {lasting(took)} later {cities[1]}, {km:,.0f} km apart: at least {speed:,.0f} km/h even if"
            f" both positions are {ERROR_KM:.0f} km off."
        )
        facts = [Fact(f"{km:,.0f} km in {lasting(took)}"), Fact(f"each position taken to be {ERROR_KM:.0f} km off")]
        if lens.device[one] and lens.device[one] == lens.device[other]:
            facts.append(Fact("the same device in both places, which speaks for an anonymiser", -1))
        if count > 1:
            facts.append(Fact(f"{count} times between these two networks"))
        severity = "low" if facts[-1].points < 0 or count > 3 or any(fact.points < 0 for fact in facts) else "medium"
        return finding(ABOUT, lens, [int(one), int(other)], why=why, severity=severity, facts=facts)


RULE = ImpossibleTravel()


def _newest(ways: dict[tuple[int, int], list[int]], fast: Numbers) -> list[tuple[tuple[int, int], int]]:
    """Return each way with its newest journey."""
    found = [(way, int(fast[journeys[-1]])) for way, journeys in ways.items()]
    return sorted(found, key=lambda pair: pair[1])[-_MOST:]


def _at(lens: Lens) -> Numbers:
    """Return the code of each place's position, 0 where it has none or no city with it."""
    return np.where(lens.column("source.geo.city_name") > 0, lens.column("source.geo.location"), 0).astype(np.int64)


def _positions(lens: Lens) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return latitude and longitude of each distinct location in degrees; not a number where it is none."""
    values, codes = lens.frame.values("source.geo.location"), lens.column("source.geo.location")
    count = int(codes.max(initial=0)) + 1
    out = np.full((2, count), np.nan)
    for code in range(1, count):
        try:
            latitude, longitude = map(float, values[code].split(","))
        except ValueError:
            continue
        if abs(latitude) <= 90 and abs(longitude) <= 180:
            out[:, code] = latitude, longitude
    return out[0], out[1]


def _distance(
    lat1: npt.NDArray[np.float64],
    lon1: npt.NDArray[np.float64],
    lat2: npt.NDArray[np.float64],
    lon2: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return great-circle distances in km of positions in degrees (haversine formula)."""
    one, other = np.radians(lat1), np.radians(lat2)
    h = np.sin((other - one) / 2) ** 2 + np.cos(one) * np.cos(other) * np.sin(np.radians(lon2 - lon1) / 2) ** 2
    return np.asarray(2 * _EARTH_KM * np.arcsin(np.sqrt(np.minimum(1.0, h))))
