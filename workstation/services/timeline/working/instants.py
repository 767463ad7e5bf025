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
    for length in np.unique(lengths).tolist():
        if not _SECONDS < length <= _SECONDS + _FRACTION + 1:
            continue
        places = np.flatnonzero(lengths == length)
        some = "".join(texts if len(places) == len(texts) else map(texts.__getitem__, places.tolist()))
        if some.isascii():
            found[places] = _read(np.frombuffer(some.encode(), np.uint8).reshape(-1, length))
    return found


def _read(letters: npt.NDArray[np.uint8]) -> Micros:
    """Return the instants of texts of one length, a row each."""
    decimals = max(0, letters.shape[1] - _SECONDS - 2)
    places = [*_DIGITS, *range(_SECONDS + 1, _SECONDS + 1 + decimals)]
    # As a product of matrices (of doubles, exact below 2^53): it is done with all digits of all texts at once.
    digits = letters[:, places] - np.uint8(_ZERO)
    year, month, day, hour, minute, second, micro = (digits @ _weights(decimals)).T.astype(np.int64)
    months = (year - 1970) * 12 + month - 1
    first = months.astype("M8[M]").astype("M8[D]").astype(np.int64)
    days = (months + 1).astype("M8[M]").astype("M8[D]").astype(np.int64) - first
    right = (letters[:, list(_BETWEEN)] == np.frombuffer(bytes(_BETWEEN.values()), np.uint8)).all(axis=1)
    right &= (letters[:, -1] == ord("Z")) & (digits <= 9).all(axis=1)
    if letters.shape[1] > _SECONDS + 1:
        right &= (letters[:, _SECONDS] == ord(".")) & (decimals > 0)
    right &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= days)
    right &= (hour < 24) & (minute < 60) & (second < 60)
    seconds = ((first + day - 1) * 24 + hour) * 3600 + minute * 60 + second
    return np.where(right, seconds * 1_000_000 + micro, -1)


@functools.cache
def _weights(decimals: int) -> npt.NDArray[np.float64]:
    """Return what each digit counts in year, month, day, hour, minute, second and microsecond."""
    weights = np.zeros((len(_DIGITS) + decimals, 7))
    weights[0:4, 0] = 1000, 100, 10, 1
    for number in range(1, 6):
        weights[2 + 2 * number : 4 + 2 * number, number] = 10, 1
    weights[len(_DIGITS) :, 6] = [10.0 ** (5 - place) for place in range(decimals)]
    return weights
