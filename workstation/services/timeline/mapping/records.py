"""Reading one raw record: JSON that may lie about its shape, times of every notation, ids that may be missing.

Nothing here trusts a record. A value of another shape than expected counts as absent; a record without a
time, or that is no JSON, raises :class:`Unmappable` and is shown as such, never dropped.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
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

_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?"
    r"\s*(?:([Zz]|UTC|GMT)|([+-])(\d\d):?(\d\d)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
#: An escape of a JSON text; group 1 is half of a surrogate pair that has lost its other half.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
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
    exact one is not there.
    """
    for name in path.split("."):
        if isinstance(record, dict):
            record = record[name] if name in record else record.get(name.lower())
        elif isinstance(record, list) and name.isascii() and name.isdigit() and int(name) < len(record):
            record = record[int(name)]
        else:
            return None
    return record


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
    """Return an IP address without a port, brackets or zone; ``""`` where `value` is none (``AWS Internal``)."""
    bare = value.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ipaddress.ip_address(bare.partition("%")[0]))
    except ValueError:
        return ""


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
    if value is None or value == "":
        raise Unmappable("The record says no time.")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Unmappable("The record's time is no time.")
    if not isinstance(value, str) and not 0 <= value < _LATEST:
        raise Unmappable("The record's time is outside the years 1970 to 9999.")
    # A float's shortest text is what the record said; arithmetic on the float itself would be off by some microseconds.
    written = str(value).strip()
    found = int(Decimal(written) * unit) if _NUMBER.fullmatch(written) else _instant(written)
    if not _EARLIEST <= found < _LATEST:
        raise Unmappable("The record's time is outside the years 1970 to 9999.")
    return found


def first_time(record: Any, *paths: str, unit: int = MILLIS) -> int:
    """Return the time at the first of `paths` that is there; see :func:`micros`."""
    found = (at(record, path) for path in paths)
    return micros(next((value for value in found if value not in (None, "")), None), unit)


def optional_time(record: Any, *paths: str, unit: int = MILLIS) -> int:
    """Return the time at the first of `paths` that is there, 0 where none is or it cannot be read."""
    try:
        return first_time(record, *paths, unit=unit)
    except Unmappable:
        return 0


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
