"""Times as people write them: dates (RFC 3339) or the head of one, and "now" with Elasticsearch's date math.

``2026-11``, ``2026-11-03T10:15Z``, ``now-2h``, ``now-7d/d``, ``2026-11-03||-1M/d``. A time stands for a *span*: the
month, the minute, the microsecond. ``/d`` widens to the whole day, and weeks begin on Monday. Without a zone it is UTC.

Source of the math: Elasticsearch reference, "Common options: date math". One difference, on purpose: there a missing
part is filled in by a fixed rule (``lte 2026-11`` ends with the first of November), here the whole span counts.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta

from workstation.services.clock import from_micros, to_micros

MIN_US = to_micros(datetime(1, 1, 1, tzinfo=UTC))
MAX_US = to_micros(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
_DATE = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?P<fraction>[.,][0-9]{1,9})?)?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?)?)?"
)
_STEP = re.compile(r"(?P<sign>[+-])(?P<count>[0-9]{0,6})(?P<unit>[yMwdhHms])|/(?P<round>[yMwdhHms])")
_US = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}
#: Monday, 1970-01-05, from the epoch.
_MONDAY_US = 4 * _US["d"]
_MONTHS = {"M": 1, "y": 12}


def span(text: str, now_us: int) -> tuple[int, int]:
    """Return the span that a time stands for: first microsecond, and the one after the last.

    Args:
        text: the time as it was typed.
        now_us: what ``now`` means, microseconds since the epoch.

    Raises:
        ValueError: it is no time; the message says what is wrong.
    """
    if text[:3].lower() == "now":
        since, until, at = now_us, now_us + 1, 3
    else:
        found = _DATE.match(text)
        if found is None:
            raise ValueError("A time is 2026-11-03, 2026-11-03T10:15Z or now-2h.")
        since, until, at = *_dated(found), found.end()
        if at < len(text) and text[at : at + 2] != "||":
            raise ValueError("A time is 2026-11-03, 2026-11-03T10:15Z or now-2h.")
        at += 2 if at < len(text) else 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise ValueError("After a time comes +1h, -7d or /d; units are y M w d h m s.")
        since, until = _stepped(since, until, step)
        at = step.end()
    return since, until


def _dated(found: re.Match[str]) -> tuple[int, int]:
    given = {name: int(text) for name, text in found.groupdict().items() if name not in ("fraction", "zone") and text}
    try:
        start = datetime(
            given["year"],
            given.get("month", 1),
            given.get("day", 1),
            given.get("hour", 0),
            given.get("minute", 0),
            given.get("second", 0),
            tzinfo=UTC,
        )
    except ValueError:
        raise ValueError("There is no such day or hour.") from None
    since = to_micros(start) - _offset_us(found["zone"] or "Z")
    if found["fraction"]:
        digits = found["fraction"][1:7]
        since += int(digits.ljust(6, "0"))
        return _clamped(since), _clamped(since + 10 ** (6 - len(digits)))
    for name, unit in (("second", "s"), ("minute", "m"), ("hour", "h"), ("day", "d"), ("month", "M"), ("year", "y")):
        if name in given:
            return _clamped(since), _moved(since, 1, unit)
    raise AssertionError("a date has a year")


def _offset_us(zone: str) -> int:
    if zone in "Zz":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError("There is no such time zone.")
    return (hours * _US["h"] + minutes * _US["m"]) * (-1 if zone[0] == "-" else 1)


def _stepped(since: int, until: int, step: re.Match[str]) -> tuple[int, int]:
    if unit := step["round"]:
        floor = _floor(since, unit)
        return floor, _moved(floor, 1, unit)
    count = int(step["count"] or 1) * (-1 if step["sign"] == "-" else 1)
    return _moved(since, count, step["unit"]), _moved(until, count, step["unit"])


def _moved(us: int, count: int, unit: str) -> int:
    """Return the moment `count` units later. A month later than the 31st is the last day of that month."""
    if unit not in _MONTHS:
        return _clamped(us + count * _US[unit.lower()])
    at = from_micros(_clamped(us))
    months = at.year * 12 + at.month - 1 + count * _MONTHS[unit]
    year, month = months // 12, months % 12 + 1
    if not 1 <= year <= 9999:
        return MIN_US if year < 1 else MAX_US
    return to_micros(at.replace(year=year, month=month, day=min(at.day, calendar.monthrange(year, month)[1])))


def _floor(us: int, unit: str) -> int:
    if unit in _MONTHS:
        at = from_micros(us).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return to_micros(at.replace(month=1) if unit == "y" else at)
    size, zero = _US[unit.lower()], _MONDAY_US if unit == "w" else 0
    return _clamped(us - (us - zero) % size)


def _clamped(us: int) -> int:
    return max(MIN_US, min(us, MAX_US))


def written(us: int) -> str:
    """Return a moment as RFC 3339 in UTC, with as many digits of a second as it needs and never fewer than none.

    The text stands for a span that begins at `us`.
    """
    at = from_micros(us)
    return at.isoformat(timespec="microseconds" if at.microsecond else "seconds").replace("+00:00", "Z")


def minutes(count: float) -> int:
    """Return minutes as microseconds."""
    return timedelta(minutes=count) // timedelta(microseconds=1)
