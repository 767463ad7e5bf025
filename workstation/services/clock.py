"""The only source of "now" in the product.

Tests hand in a :class:`FrozenClock`. The database has its own clock and every rule about time that
protects an account is judged there, never here.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time and a monotonic reading."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back, stops in suspend on Linux."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds of the machine's monotonic clock."""
        return time.monotonic()


class FrozenClock:
    """A clock that moves only when told to."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._mono = 0.0

    def now(self) -> datetime:
        """Return the time this clock stands at."""
        return self._at

    def monotonic(self) -> float:
        """Return the seconds by which this clock has been moved."""
        return self._mono

    def move(self, by: timedelta) -> None:
        """Move both readings forward by `by`."""
        self._at += by
        self._mono += by.total_seconds()


def from_micros(us: int) -> datetime:
    """Return the aware UTC time of `us` microseconds since the Unix epoch."""
    return datetime.fromtimestamp(us // 1_000_000, UTC).replace(microsecond=us % 1_000_000)


def to_micros(at: datetime) -> int:
    """Return microseconds since the Unix epoch; naive times are refused.

    Raises:
        ValueError: `at` has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {at!r}")
    delta = at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return delta.days * 86_400_000_000 + delta.seconds * 1_000_000 + delta.microseconds


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 / RFC 3339 instant; without a zone it is UTC.

    Raises:
        ValueError: `text` is not an instant.
    """
    at = datetime.fromisoformat(text.strip())
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
