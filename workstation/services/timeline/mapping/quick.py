"""The two functions that a mapping by paths is compiled to.

An event has some thirty values, and there are a million of them: looking one value up in a table of the settings takes
longer than using it. So the table is written out, once, as straight Python and compiled, as the standard library does
for dataclasses. What is written out holds nothing of the settings but places in lists; names and values of people are
handed over as objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from workstation.services.timeline.event import FIELDS, Event, Outcome
from workstation.services.timeline.mapping.records import ABSENT, Unmappable, address, place, plain, record_id
from workstation.services.timeline.mapping.typed import Shape, shapes
from workstation.services.timeline.mapping.words import category_of

#: Texts of every field in the order of :data:`FIELDS`, time, ingest time, raw record, the store's id → event.
Finish = Callable[[Sequence[str], Any, Any, bytes, str], Event]
#: Raw record, the store's id → event, or None where the record is not written as most are.
Quick = Callable[[bytes, str], Event | None]

#: Numbers below this are taken as they are without a further look.
_SMALL = 2**63
# v_NAME are the texts of the fields, t and i the two times as they were found.
_FINISH = """
    if not v_account and not v_account_name:
        v_account, v_account_name = v_actor, v_actor_name
    try:
        us = (fromisoformat(t) - EPOCH) // MICRO
    except (TypeError, ValueError, OverflowError):
        us = 0
    if us <= 0:
        us = instant(t)
    ingested = 0
    if i:
        try:
            ingested = (fromisoformat(i) - EPOCH) // MICRO
        except (TypeError, ValueError, OverflowError):
            ingested = 0
        if ingested <= 0:
            ingested = optional(i)
    return Event({fields}, time_us=us, ingested_us=ingested, raw=raw)
"""
#: How a field becomes what the event holds, where it is not taken as it is.
_SHOWN = {
    "id": "v_id or own_id or record_id('', raw)",
    "ip": "address(v_ip) if v_ip else ''",
    "location": "place(v_location) if v_location else ''",
    # An outcome that we do not know is unknown, never success.
    "outcome": "OUTCOMES.get(v_outcome) or OUTCOMES.get(v_outcome.lower(), UNKNOWN)",
    "category": "v_category or category_of(v_action)",
}
_READ = """
    if not ABSENT.isdisjoint(({values},)):
        return None
"""
#: The texts that say "no value", without the empty one.
_ABSENT = ABSENT - {""}
_KNOWN: dict[str, Any] = {
    "ABSENT": _ABSENT,
    "Event": Event,
    "OUTCOMES": {str(outcome): outcome for outcome in Outcome},
    "UNKNOWN": Outcome.UNKNOWN,
    "EPOCH": datetime(1970, 1, 1, tzinfo=UTC),
    "MICRO": timedelta(microseconds=1),
    "fromisoformat": datetime.fromisoformat,
    "category_of": category_of,
    "record_id": record_id,
}


class Meaning(msgspec.Struct, frozen=True):
    """What values mean: attribute of the event → their value → ours; and what holds where nothing is said."""

    values: Mapping[str, Mapping[str, str]]
    constants: Mapping[str, str]


def finish(meaning: Meaning, instant: Callable[[Any], int]) -> Finish:
    """Return what makes an event of the texts that were found.

    Args:
        meaning: of the values.
        instant: returns microseconds for a time that is no plain ISO 8601; raises Unmappable.
    """
    names = ", ".join(f"v_{attribute}" for attribute in FIELDS.values())
    lines = f"def made(values, t, i, raw, own_id):\n    {names}, = values\n" + _meant(meaning) + _finished()
    made: Finish = _compiled(lines, _given(meaning, instant))
    return made


def quick(
    paths: Mapping[str, Sequence[str]],
    times: Sequence[str],
    ingested: Sequence[str],
    meaning: Meaning,
    instant: Callable[[Any], int],
) -> Quick:
    """Return what makes an event of a record that is written as most are.

    Args:
        paths: attribute of the event → where its value may be, the first that holds one counts.
        times: where the time may be.
        ingested: where the time of ingestion may be.
        meaning: of the values.
        instant: see :func:`finish`.
    """
    every = [path for some in (*paths.values(), times, ingested) for path in some]
    readers: list[Quick] = []
    for shape in shapes(every, paths.get("location", ())):
        lines = _lines(shape, paths, times, ingested) + _meant(meaning) + _finished()
        readers.append(_compiled(lines, {**_given(meaning, instant), "decode": shape.decode}))

    def in_turn(raw: bytes, own_id: str) -> Event | None:
        try:
            return readers[0](raw, own_id)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # A store has one habit: the one that is right goes first from now on.
            readers.reverse()
        try:
            return readers[0](raw, own_id)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    return in_turn


def _lines(shape: Shape, paths: Mapping[str, Sequence[str]], times: Sequence[str], ingested: Sequence[str]) -> str:
    lines = ["def made(raw, own_id):", "    d = decode(raw)"]
    for attribute, some in paths.items():
        name = f"v_{attribute}"
        for number, path in enumerate(some):
            gap = "    " if number == 0 else "        "
            lines += [f"    if not {name}:"] if number else []
            lines += [f"{gap}{name} = d.{shape.places[path]}"]
            shown = "place" if attribute == "location" else "text"
            lines += [f"{gap}if {name}.__class__ is not str:", f"{gap}    {name} = {shown}({name})"]
    for name, some in (("t", times), ("i", ingested)):
        for number, path in enumerate(some):
            wanted = f"if {name} is None or {name} == '': " if number else ""
            lines.append(f"    {wanted}{name} = d.{shape.places[path]}")
    return "\n".join(lines) + _READ.format(values=", ".join(f"v_{attribute}" for attribute in paths))


def _meant(meaning: Meaning) -> str:
    lines = []
    for attribute in meaning.values:
        if attribute == "action":
            lines.append("    v_native_action = v_native_action or v_action")
        lines.append(f"    v_{attribute} = values_{attribute}.get(v_{attribute}, v_{attribute})")
    lines += [f"    v_{attribute} = v_{attribute} or constant_{attribute}" for attribute in meaning.constants]
    return "\n".join(lines)


def _finished() -> str:
    shown = (f"{attribute}={_SHOWN.get(attribute, f'v_{attribute}')}" for attribute in FIELDS.values())
    return _FINISH.format(fields=", ".join(shown))


def _given(meaning: Meaning, instant: Callable[[Any], int]) -> dict[str, Any]:
    def optional(value: Any) -> int:
        try:
            return instant(value)
        except Unmappable:
            return 0

    return {
        **_KNOWN,
        **{f"values_{attribute}": dict(table) for attribute, table in meaning.values.items()},
        **{f"constant_{attribute}": value for attribute, value in meaning.constants.items()},
        "address": address,
        "place": place,
        "text": _text,
        "instant": instant,
        "optional": optional,
    }


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


def _compiled(lines: str, given: dict[str, Any]) -> Any:
    exec(lines, given)  # noqa: S102 - made above of our own names alone
    return given["made"]
