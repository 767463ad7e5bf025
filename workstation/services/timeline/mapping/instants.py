"""Many RFC 3339 instants at once: a column of them is read as one piece of memory."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

#: ``2026-11-03T14:02:10``; what follows is a fraction of a second and ``Z``.
_SECONDS = 19
_ZERO = ord("0")
_DIGITS = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
_BETWEEN = {4: ord("-"), 7: ord("-"), 10: ord("T"), 13: ord(":"), 16: ord(":")}
#: January of the year 1, counted in months from the year 0 on, months from 1 to 12.
_FIRST_MONTH = 13
#: ``.123456`` of a second; more would be cut off, which others do.
_FRACTION = 7

Micros = npt.NDArray[np.int64]


def instants(texts: Sequence[str]) -> Micros:
    """Return microseconds since the epoch for each text ``YYYY-MM-DDTHH:MM:SS[.f…]Z`` with up to six decimals.

    What is written in another way, or is no instant at all, is -1: whoever asks looks at that one by itself. (The
    microsecond before 1970 is -1 too; no log has it.)
    """
    found = np.full(len(texts), -1, np.int64)
    lengths = np.fromiter(map(len, texts), np.int32, len(texts))
    for length in set(lengths.tolist()):
        if not _SECONDS < length <= _SECONDS + _FRACTION + 1:
            continue
        places = np.flatnonzero(lengths == length)
        some = "".join(texts if len(places) == len(texts) else map(texts.__getitem__, places.tolist()))
        if some.isascii():
            found[places] = _read(np.frombuffer(some.encode(), np.uint8).reshape(-1, length))
    return found


def _read(letters: npt.NDArray[np.uint8]) -> Micros:
    """Return the instants of texts of one length, a row each."""
    rows = np.ascontiguousarray(letters.T)
    decimals = max(0, len(rows) - _SECONDS - 2)
    # What is no digit becomes more than nine, for octets wrap around.
    digits = rows - np.uint8(_ZERO)
    right = (digits[[*_DIGITS, *range(_SECONDS + 1, _SECONDS + 1 + decimals)]] <= 9).all(axis=0)
    right &= (rows[list(_BETWEEN)] == np.frombuffer(bytes(_BETWEEN.values()), np.uint8)[:, None]).all(axis=0)
    right &= rows[-1] == ord("Z")
    if len(rows) > _SECONDS + 1:
        right &= (rows[_SECONDS] == ord(".")) & (decimals > 0)
    wide = digits.astype(np.int32)
    year, month, day = _number(wide[0:4]), _number(wide[5:7]), _number(wide[8:10])
    hour, minute, second = _number(wide[11:13]), _number(wide[14:16]), _number(wide[17:19])
    micro = _number(wide[_SECONDS + 1 : _SECONDS + 1 + decimals]) * 10 ** (6 - decimals) if decimals else 0
    right &= (year >= 1) & (year <= 9999) & (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60) & (second < 60)
    firsts = _first_days()
    months = np.where(right, year * 12 + month - _FIRST_MONTH, 0)
    first = firsts[months]
    right &= (day >= 1) & (day <= firsts[months + 1] - first)
    seconds = (first + day - 1).astype(np.int64) * 86_400 + (hour * 60 + minute) * 60 + second
    return np.where(right, seconds * 1_000_000 + micro, -1)


def _number(digits: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    found: npt.NDArray[np.int32] = digits[0]
    for digit in digits[1:]:
        found = found * 10 + digit
    return found


@functools.cache
def _first_days() -> npt.NDArray[np.int32]:
    """Return the first day of each month of the years 1 to 9999, and of the one after: days since 1970."""
    months = np.arange("0001-01", "10000-02", dtype="M8[M]")
    return months.astype("M8[D]").astype(np.int32)
