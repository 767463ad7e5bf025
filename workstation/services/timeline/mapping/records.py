"""Reading one raw record: JSON that may lie about its shape, times of every notation, ids that may be missing.

Nothing here trusts a record. A value of another shape than expected counts as absent; a record without a
time, or that is no JSON, raises :class:`Unmappable` and is shown as such, never dropped.
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec

from workstation.services.clock import to_micros
from workstation.services.errors import Invalid
from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping.words import category_of

#: Turns one raw record into an event; raises Unmappable. The second argument is a time near which it happened, in
#: microseconds: syslog writes no year.
Mapper = Callable[[bytes, int], Event]
#: Turns one decoded record into an event, keeping `raw` with it; raises Unmappable.
RecordMapper = Callable[[dict[str, Any], bytes], Event]

#: Texts that say "no value": Okta writes ``zone: "null"``, Keycloak's log ``userId="null"``, sshd ``-``.
ABSENT = frozenset({"", "null", "-"})
#: Times outside these years are garbage, and a datetime could not show them.
_EARLIEST, _LATEST = 0, 253_402_300_800_000_000

_NO_TIME = "The record says no time."
_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?"
    r"\s*(?:([Zz]|UTC|GMT)|([+-])(\d\d):?(\d\d)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
#: An escape of a JSON text; group 1 is half of a surrogate pair that has lost its other half.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
_DEGREES = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,20})?")
#: ``POINT (longitude latitude)``: well-known text (OGC 06-103r4), as Elasticsearch takes it.
_POINT = re.compile(r"(?i:point)\s*\(\s*(\S+)\s+(\S+)\s*\)")
#: An IPv6 address and a port in the notations of RFC 5952, 6, other than brackets.
_PORT = re.compile(r"([0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:]*)(?:#| port |p|\.)[0-9]{1,5}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: An address has at most 45 characters (RFC 4291, 2.2, with an embedded IPv4 address), a zone and a port beside.
_ADDRESS_MAX = 80
#: Microseconds in one unit of an epoch number.
SECONDS, MILLIS, MICROS = 1_000_000, 1_000, 1


class Unmappable(Invalid):
    """A record that no event can be made of; says why."""


class Unmapped(msgspec.Struct, frozen=True):
    """What stands in an event's place when its record could not be mapped. `raw` is the record, Untrusted."""

    error: str
    raw: bytes


def make(
    source: str,
    raw: bytes,
    *,
    own_id: str,
    time_us: int,
    native: str,
    words: Mapping[str, str],
    category: str = "",
    **rest: Any,
) -> Event:
    """Return the event of a record.

    Args:
        source: what its source is called.
        raw: its bytes.
        own_id: its own id; where it has none, one is derived from `raw`.
        time_us: microseconds since the epoch.
        native: its own name for what happened.
        words: native names → ours; a name that is not there stays as it is.
        category: the ECS category where our word does not give one.
        rest: further fields of :class:`Event`.
    """
    action = words.get(native, native)
    return Event(
        id=record_id(own_id, raw),
        time_us=time_us,
        source=source,
        action=action,
        native_action=native,
        category=category_of(action) or category,
        raw=raw,
        **rest,
    )


def decode(raw: bytes) -> Any:
    """Return the JSON value of `raw`.

    What a sloppy writer produces is read too, so that a cut-off emoji in a user agent hides no event: bytes
    that are not UTF-8 and halves of surrogate pairs become U+FFFD, bare control characters are taken as they
    are, and so are NaN and numbers out of range.

    Raises:
        Unmappable: it is no JSON, or nested too deep.
    """
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = _ESCAPE.sub(_whole, raw.decode("utf-8", "replace"))
    except RecursionError as error:
        raise Unmappable("The record is nested too deep.") from error
    try:
        return json.loads(text, strict=False)
    except RecursionError as error:
        raise Unmappable("The record is nested too deep.") from error
    except ValueError as error:
        raise Unmappable(f"The record is no JSON ({_where(error)}).") from error


def of_json(mapper: RecordMapper) -> Mapper:
    """Return a mapper of raw bytes from one of JSON objects."""

    def map_raw(raw: bytes, around_us: int) -> Event:
        record = decode(raw)
        if not isinstance(record, dict):
            raise Unmappable("The record is no JSON object.")
        return mapper(record, raw)

    return map_raw


def at(record: Any, path: str) -> Any:
    """Return the value at a dotted path of names and list places (``target.0.id``); None where there is none.

    Some stores fold the case of names (``eventtype`` for ``eventType``): a name in lower case is taken where the
    exact one holds nothing.
    """
    for name in _split(path):
        if isinstance(record, dict):
            found = record.get(name)
            record = record.get(name.lower()) if found is None else found
        elif isinstance(record, list) and name.isascii() and name.isdigit() and int(name) < len(record):
            record = record[int(name)]
        else:
            return None
    return record


@functools.lru_cache(maxsize=4_096)
def _split(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def plain(value: Any) -> str:
    """Return a scalar as text, several joined by ``, ``; ``""`` for what is absent or has a shape of its own."""
    if isinstance(value, str):
        text = value.strip()
        return "" if text in ABSENT else text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        # Python writes no number of more than 4,300 digits; none of this size is an id.
        return str(value) if abs(value) < 10**64 else ""
    if isinstance(value, list):
        return ", ".join(filter(None, (plain(item) for item in value if not isinstance(item, list | dict))))
    return ""


def text(record: Any, *paths: str) -> str:
    """Return the first of `paths` that holds a value, as text; ``""`` where none does."""
    for path in paths:
        if found := plain(at(record, path)):
            return found
    return ""


def items(record: Any, path: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of the list at `path`; a single object counts as a list of one."""
    found = at(record, path)
    for item in found if isinstance(found, list) else [found]:
        if isinstance(item, dict):
            yield item


def named(record: Any, path: str, name_key: str, value_key: str) -> dict[str, Any]:
    """Return a list of ``{name, value}`` objects at `path` as a dict; the first of a name counts."""
    found: dict[str, Any] = {}
    for item in items(record, path):
        if isinstance(key := item.get(name_key), str):
            found.setdefault(key, item.get(value_key))
    return found


def address(value: str) -> str:
    """Return an IP address without a port, brackets or zone; ``""`` where `value` is none (``AWS Internal``).

    An IPv4 address within an IPv6 one (``::ffff:198.51.100.7``, RFC 4291, 2.5.5.2) is the IPv4 address: the same client
    must not be two.
    """
    return _known_address(value) if len(value) <= _ADDRESS_MAX else ""


# An account is used from few addresses, and reading one takes longer than all the rest of an event.
@functools.lru_cache(maxsize=65_536)
def _known_address(value: str) -> str:
    bare = value.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    elif match := _PORT.fullmatch(bare):
        bare = match[1]
    try:
        found = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return ""
    inner = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(inner or found)


@functools.lru_cache(maxsize=65_536)
def point(latitude: str, longitude: str) -> str:
    """Return ``latitude,longitude`` in degrees; ``""`` where one of them is none, or out of range.

    Nought degrees both ways, in the Gulf of Guinea, is what sources write for an unknown place (Entra does for
    programs): absent.
    """
    if not (_DEGREES.fullmatch(latitude) and _DEGREES.fullmatch(longitude)):
        return ""
    lat, lon = float(latitude), float(longitude)
    if (lat == 0 and lon == 0) or abs(lat) > 90 or abs(lon) > 180:
        return ""
    return f"{latitude},{longitude}"


def place(value: Any) -> str:
    """Return a point in any notation of Elasticsearch's ``geo_point`` as ``latitude,longitude``; ``""`` if it is none.

    An object (``lat``/``lon``, ``latitude``/``longitude``, GeoJSON), ``"latitude,longitude"``, ``POINT (longitude
    latitude)``, or ``[longitude, latitude]``: the last two the other way round. A geohash is none.
    """
    if isinstance(value, dict):
        if isinstance(value.get("coordinates"), list):
            return place(value["coordinates"])
        return point(text(value, "lat", "latitude"), text(value, "lon", "long", "longitude"))
    if isinstance(value, list):
        return point(plain(value[1]), plain(value[0])) if len(value) >= 2 else ""
    if not isinstance(value, str):
        return ""
    if match := _POINT.fullmatch(value.strip()):
        return point(match[2], match[1])
    latitude, _, longitude = value.partition(",")
    return point(latitude.strip(), longitude.strip())


def record_id(found: str, raw: bytes) -> str:
    """Return the id that the record has, else ``sha256:`` and the SHA-256 of its raw bytes, hexadecimal."""
    return found or f"sha256:{hashlib.sha256(raw).hexdigest()}"


def micros(value: Any, unit: int = MILLIS) -> int:
    """Return a time as microseconds since the epoch; what is finer is cut off, never rounded.

    Args:
        value: an ISO 8601 instant (``T`` or a blank between; no zone means UTC; any number of decimals),
            or a number of units since the epoch, also as text.
        unit: microseconds in a unit of such a number.

    Raises:
        Unmappable: it is absent, no time, or not within the years 1970 to 9999.
    """
    if value.__class__ is str and (quick := _written_as_most(value)):
        return quick
    if value is None or value == "":
        raise Unmappable(_NO_TIME)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unmappable("The record's time is no time.")
    if not isinstance(value, str) and not 0 <= value < _LATEST:
        raise Unmappable("The record's time is outside the years 1970 to 9999.")
    # A float's shortest text is what the record said; arithmetic on the float itself would be off by some microseconds.
    written = str(value).strip()
    if not _NUMBER.fullmatch(written):
        found = _instant(written)
    else:
        found = int(written) * unit if written.isdecimal() else int(Decimal(written) * unit)
    if not _EARLIEST <= found < _LATEST:
        raise Unmappable("The record's time is outside the years 1970 to 9999.")
    return found


def first_time(record: Any, *paths: str, unit: int = MILLIS) -> int:
    """Return the first time at one of `paths` that can be read; see :func:`micros`."""
    return first_of([at(record, path) for path in paths], unit)


def first_of(values: Iterable[Any], unit: int = MILLIS) -> int:
    """Return the first of `values` that can be read as a time, in microseconds.

    Raises:
        Unmappable: none can; says what is wrong with the first that is there.
    """
    wrong: Unmappable | None = None
    for value in values:
        if value is None or value == "":
            continue
        try:
            return micros(value, unit)
        except Unmappable as error:
            wrong = wrong or error
    raise wrong or Unmappable(_NO_TIME)


def optional_time(record: Any, *paths: str, unit: int = MILLIS) -> int:
    """Return the first time at one of `paths` that can be read, 0 where there is none."""
    try:
        return first_time(record, *paths, unit=unit)
    except Unmappable:
        return 0


def _written_as_most(written: str) -> int:
    """Return the microseconds of ``2026-03-01T06:12:40.123Z``, 0 for every other notation."""
    if not written.endswith(("Z", "+00:00")) or written[4:5] != "-" or written[10:11] != "T" or written[13:14] != ":":
        return 0
    try:
        since = datetime.fromisoformat(written) - _EPOCH
    except ValueError:
        return 0
    if not written.isascii() or written[16:17] != ":" or written[7:8] != "-" or since.days < 0:
        return 0
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _instant(written: str) -> int:
    match = _INSTANT.fullmatch(written)
    if match is None:
        raise Unmappable("The record's time cannot be read.")
    year, month, day, hour, minute, second, fraction, _, sign, zone_h, zone_m = match.groups()
    # RFC 3339, 5.6: a leap second is written as 60; it is the first moment of the next minute to us.
    leap = second == "60"
    try:
        zone = UTC
        if sign:
            offset = timedelta(hours=int(zone_h), minutes=int(zone_m or 0))
            zone = timezone(-offset if sign == "-" else offset)
        whole = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), 59 if leap else int(second or 0), 0, zone
        )
        seconds = to_micros(whole)
    except (ValueError, OverflowError) as error:
        raise Unmappable("The record's time cannot be read.") from error
    return seconds + leap * 1_000_000 + int((fraction or "")[:6].ljust(6, "0"))


def _whole(match: re.Match[str]) -> str:
    """Replace an escape that is half of a surrogate pair; leave the others."""
    return r"\ufffd" if match[1] else match[0]


def _where(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos + 1}"
    return "a number with too many digits"
