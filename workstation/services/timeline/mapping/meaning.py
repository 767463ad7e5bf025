"""From the values that a record has to the event that they mean: what every mapping by paths ends with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from workstation.services.timeline.event import FIELDS, Event, Outcome
from workstation.services.timeline.mapping.records import ABSENT, Unmappable, address, place, plain, record_id
from workstation.services.timeline.mapping.words import category_of

#: Numbers below this are taken as they are without a further look.
_SMALL = 2**63
_EPOCH, _MICRO = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_OUTCOMES = {str(outcome): outcome for outcome in Outcome}

#: Returns microseconds for a time that is no plain ISO 8601; raises Unmappable.
Instant = Callable[[Any], int]


class Meaning(msgspec.Struct, frozen=True):
    """What values mean: attribute of the event → their value → ours; and what holds where nothing is said."""

    values: Mapping[str, Mapping[str, str]]
    constants: Mapping[str, str]


class Layout(msgspec.Struct, frozen=True):
    """Where in a record our fields are, and what is meant by what stands there.

    ``paths`` are, by attribute of the event, dotted names at which its value may be: the first that holds one counts.
    ``times`` and ``ingested`` are where the two times may be; ``instant`` reads those that are no plain ISO 8601.
    """

    paths: Mapping[str, Sequence[str]]
    times: Sequence[str]
    ingested: Sequence[str]
    meaning: Meaning
    instant: Instant


def finished(found: Mapping[str, str], time: Any, ingested: Any, raw: bytes, own_id: str, meaning: Meaning) -> Event:
    """Return the event of one record.

    Args:
        found: texts by attribute of :class:`Event`.
        time: microseconds.
        ingested: microseconds, 0 where that is not known.
        raw: the record.
        own_id: the id that its store gives it, for a record that holds none.
        meaning: of the values.
    """
    values = {attribute: found.get(attribute, "") for attribute in FIELDS.values()}
    for attribute, table in meaning.values.items():
        if attribute == "action":
            values["native_action"] = values["native_action"] or values["action"]
        values[attribute] = table.get(values[attribute], values[attribute])
    for attribute, value in meaning.constants.items():
        values[attribute] = values[attribute] or value
    if not values["account"] and not values["account_name"]:
        values["account"], values["account_name"] = values["actor"], values["actor_name"]
    made: dict[str, Any] = {
        **values,
        "id": values["id"] or own_id or record_id("", raw),
        "ip": shown_address(values["ip"]),
        "location": place(values["location"]),
        "outcome": outcome(values["outcome"]),
        "category": values["category"] or category_of(values["action"]),
    }
    return Event(**made, time_us=time, ingested_us=ingested, raw=raw)


def outcome(text: str) -> Outcome:
    """Return the outcome that a text says; one that we do not know is unknown, never success."""
    return _OUTCOMES.get(text) or _OUTCOMES.get(text.lower(), Outcome.UNKNOWN)


def shown_address(text: str) -> str:
    """Return an address as it is shown, ``""`` where it is none."""
    return address(text) if text else ""


def moment(value: Any, instant: Instant) -> int:
    """Return a time as microseconds. Raises Unmappable: it is none that can be read."""
    try:
        us = (datetime.fromisoformat(value) - _EPOCH) // _MICRO
    except (TypeError, ValueError, OverflowError):
        us = 0
    return us if us > 0 else instant(value)


def optional_moment(value: Any, instant: Instant) -> int:
    """Return a time as microseconds, 0 where it is none that can be read."""
    try:
        return moment(value, instant) if value else 0
    except Unmappable:
        return 0


def taken(value: Any) -> str:
    """Return a value as text as :func:`plain` does, but a text as it came: white space is for who shows it."""
    text: str = value if value.__class__ is str else _text(value)
    return "" if text in ABSENT else text


def _text(value: Any) -> str:
    """Return a value that is no text as one; most are lists of one text, or small numbers."""
    if value.__class__ is list and len(value) == 1 and value[0].__class__ is str:
        only: str = value[0]
        return only
    if value.__class__ is int and 0 <= value < _SMALL:
        return str(value)
    return plain(value)
