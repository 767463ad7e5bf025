"""The account's own past: what of an event was never seen before, and how long the past is that says so.

What is new is told by where somebody was and was not refused: a stranger's failed tries make nothing known. Nothing is
new to an account that has no past, and little is new to one that changes all the time: both are told, not guessed.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from workstation.services.timeline.marks.lens import Lens, Numbers
from workstation.services.timeline.working.frame import Mask

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
#: A past that can say what is new: so many days long, seen on so many days of it. Below, nothing is called new.
PAST_DAYS, PAST_SEEN_DAYS = 4, 4
#: For so long after it was first seen something is still new. Intruders mostly act within hours; a week also takes in
#: those who wait out the usual 24 to 72 hours for which exchanges hold withdrawals after a change.
NEW_US = 7 * DAY_US
#: Seldom seen, it stays new for longer: until so many different days, and for a month at most. Who looks in every few
#: days before he acts (Mandiant, "M-Trends": a median of ten days) is no acquaintance yet.
KNOWN_DAYS, SELDOM_US = 5, 30 * DAY_US
#: Of the days on which the account was seen before, the share that brought a new one from which on it is no surprise.
RESTLESS = 0.2


class Past:
    """What is new, by place of the lens."""

    def __init__(self, lens: Lens) -> None:
        self._lens = lens
        times = lens.times[lens.present]
        self._days = np.unique(times // DAY_US)
        self.began_us = int(times[0]) if len(times) else 0

    def long_enough(self, at_us: npt.ArrayLike) -> Mask:
        """Return at which moments the past was long enough to call something new."""
        moments = np.asarray(at_us, np.int64)
        seen = np.searchsorted(self._days, moments // DAY_US)
        return np.asarray((moments - self.began_us >= PAST_DAYS * DAY_US) & (seen >= PAST_SEEN_DAYS))

    def days_before(self, at_us: int) -> tuple[int, int]:
        """Return how many days the past is long at a moment, and on how many of them the account was seen."""
        return max(0, (at_us - self.began_us) // DAY_US), int(np.searchsorted(self._days, at_us // DAY_US))

    @cached_property
    def device(self) -> Novelty:
        """Novelty of devices, or of kinds of program where devices are not said."""
        return Novelty(self._lens, self, self._lens.device)

    @cached_property
    def address(self) -> Novelty:
        """Novelty of IP addresses."""
        return Novelty(self._lens, self, self._lens.address.astype(np.int64))

    @cached_property
    def network(self) -> Novelty:
        """Novelty of networks."""
        return Novelty(self._lens, self, self._lens.network)

    @cached_property
    def country(self) -> Novelty:
        """Novelty of countries."""
        return Novelty(self._lens, self, self._lens.country.astype(np.int64))

    def hoster_before(self, place: int) -> bool:
        """Return whether somebody came through a hoster's or anonymiser's network earlier than a week before."""
        lens = self._lens
        return self._first_hoster_us < int(lens.times[place]) - NEW_US

    @cached_property
    def _first_hoster_us(self) -> int:
        found = np.flatnonzero(self._lens.present & self._lens.hosted)
        return int(self._lens.times[found[0]]) if len(found) else np.iinfo(np.int64).max


class Novelty:
    """When each value of a column was first seen, and where it was new."""

    def __init__(self, lens: Lens, past: Past, codes: Numbers) -> None:
        self._lens, self._past, self.codes = lens, past, codes
        places = np.flatnonzero(lens.present & (codes > 0))
        first = np.full(int(codes.max(initial=0)) + 1, -1, np.int64)
        # The last assignment stands: from the newest to the oldest the first sight is what stays.
        first[codes[places][::-1]] = places[::-1]
        first[0] = -1
        #: Place at which each value was first seen; -1 where it never was.
        self.first = first

    @cached_property
    def known_us(self) -> Numbers:
        """Microseconds since the epoch from which on each value is new no more; where it never was seen, never."""
        lens = self._lens
        places = np.flatnonzero(lens.present & (self.codes > 0))
        codes, days = self.codes[places], lens.times[places] // DAY_US
        pairs = np.unique(np.stack((codes, days)), axis=1)
        starts = np.searchsorted(pairs[0], np.arange(len(self.first)))
        enough = starts + KNOWN_DAYS - 1
        last = np.minimum(enough, max(0, pairs.shape[1] - 1))
        there = (enough < pairs.shape[1]) & (pairs[0][last] == np.arange(len(self.first))) if pairs.size else enough < 0
        often = np.where(there, (pairs[1][last] + 1) * DAY_US if pairs.size else 0, np.iinfo(np.int64).max)
        began = np.where(self.first >= 0, lens.times[np.maximum(self.first, 0)], np.iinfo(np.int64).max - SELDOM_US)
        return np.asarray(np.clip(often, began + NEW_US, began + SELDOM_US))

    @cached_property
    def since(self) -> Numbers:
        """Microseconds for which the value of each event had been known; -1 where it was not seen up to then."""
        place = self.first[self.codes]
        age = self._lens.times - self._lens.times[np.maximum(place, 0)]
        return np.where((place >= 0) & (place <= np.arange(len(age))), age, -1)

    @cached_property
    def new(self) -> Mask:
        """Which events have a value that was new then; never in a past too short to tell, never an absent one."""
        place = self.first[self.codes]
        moment = np.where((place >= 0) & (self.since >= 0), self._lens.times[np.maximum(place, 0)], self._lens.times)
        unknown = (self.since < 0) | (self._lens.times < self.known_us[self.codes])
        return np.asarray((self.codes > 0) & unknown & self._past.long_enough(moment))

    def known_for(self, place: int) -> int:
        """Return for how many microseconds the value at a place had been known, -1 where it was not."""
        return int(self.since[place])

    def restless(self, place: int) -> bool:
        """Return whether new values came so often before that one more is no surprise."""
        before = int(self._lens.times[place]) - NEW_US
        _, seen = self._past.days_before(before)
        return seen >= PAST_SEEN_DAYS and int(np.searchsorted(self._firsts, before)) - 1 > RESTLESS * seen

    @cached_property
    def _firsts(self) -> Numbers:
        return np.sort(self._lens.times[self.first[self.first >= 0]])
