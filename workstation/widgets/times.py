"""Times as they are written on the screen: fixed widths, the zone always at hand."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from pathlib import Path

import msgspec

from workstation.services.clock import Clock


class Zone(msgspec.Struct, frozen=True):
    """A way to write times: the word that says whose it is, and the zone."""

    word: str
    tz: tzinfo

    def at(self, when: datetime, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        """Return `when` in this zone."""
        return when.astimezone(self.tz).strftime(form)

    def at_us(self, us: int, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        """Return the time of `us` microseconds since the Unix epoch in this zone."""
        return datetime.fromtimestamp(us / 1_000_000, self.tz).strftime(form)


ZULU = Zone("UTC", UTC)


@lru_cache(1)
def _zones_by_country() -> Mapping[str, str]:
    """Return the zone that the tz database's ``zone.tab`` lists first for each country."""
    found: dict[str, str] = {}
    for folder in zoneinfo.TZPATH:
        table = Path(folder) / "zone.tab"
        if not table.is_file():
            continue
        for line in table.read_text("utf-8").splitlines():
            if line and not line.startswith("#"):
                country, _, name = line.split("\t")[:3]
                found.setdefault(country, name)
        break
    return found


def client_zone(country: str) -> Zone | None:
    """Return the zone of a client by ISO 3166 country code; None where it is not known. Reads the disk once."""
    name = _zones_by_country().get(country.upper())
    if name is None:
        return None
    try:
        return Zone(f"client's ({name})", zoneinfo.ZoneInfo(name))
    except zoneinfo.ZoneInfoNotFoundError:
        return None


def my_zone(clock: Clock) -> Zone:
    """Return the zone of this machine."""
    tz = clock.now().astimezone().tzinfo or UTC
    return Zone(f"mine ({tz.tzname(clock.now())})", tz)


def left(span: timedelta) -> str:
    """Return what is left as ``00:17`` (hours, minutes), ``4d 03h``, or with a minus when it is over."""
    minutes = int(abs(span.total_seconds()) // 60)
    sign = "-" if span < timedelta(0) else ""
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    return f"{sign}{days}d {hours:02}h" if days else f"{sign}{hours:02}:{minutes:02}"


def countdown(seconds: float) -> str:
    """Return seconds as ``14:12`` or, from an hour on, ``23:59:10``; never below zero."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes:02}:{secs:02}"


def span(seconds: float) -> str:
    """Return a length of time in one or two units: ``24 h``, ``1 h 30 min``, ``1 min``, ``45 s``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)


def ago(span: timedelta) -> str:
    """Return how long ago in one unit: ``3 min``, ``5 h``, ``12 d``."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 172_800 else f"{seconds // 86_400} d"
