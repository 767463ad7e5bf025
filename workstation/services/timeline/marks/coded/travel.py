"""Impossible travel, as honest as a table of addresses allows.

A position is where somebody's database puts an address, not where somebody is. Only positions with a city count: the
middle of a country is none. Each is taken to be off by :data:`ERROR_KM`, which is more than such tables promise for
fixed lines and less than some mobile networks need, whose gateways serve half a country: hence never an alarm. A
hoster's or anonymiser's network is where its machines are and says nothing about the person, so it is left out. What
remains must be faster than :data:`SPEED_KMH`, above any airliner's cruise, over the distance that is left when both
errors shorten it.
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
        newest, times = _ways(lens, one[fast], other[fast])
        journeys = lens.newest(list(zip(fast[newest].tolist(), times.tolist(), strict=True)))
        return [self._found(lens, int(one[n]), int(other[n]), float(km[n]), count) for n, count in journeys]

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
        severity = "low" if count > 3 or any(fact.points < 0 for fact in facts) else "medium"
        return finding(ABOUT, lens, [int(one), int(other)], why=why, severity=severity, facts=facts)


RULE = ImpossibleTravel()


def _ways(lens: Lens, one: Numbers, other: Numbers) -> tuple[Numbers, Numbers]:
    """Return of each way between two networks its newest journey and how many there were: back and forth is one."""
    ends = np.sort(np.stack((lens.network[one], lens.network[other])), axis=0)
    key = ends[0] * (int(ends.max(initial=0)) + 1) + ends[1]
    # Of equal ones the first is kept, so the newest must be first.
    _, first, count = np.unique(key[::-1], return_index=True, return_counts=True)
    newest = len(key) - 1 - first
    by_time = np.argsort(newest)
    return newest[by_time], count[by_time]


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
