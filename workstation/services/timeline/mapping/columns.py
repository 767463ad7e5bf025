"""A mapping by paths, of very many records at once: what they have in common is looked at once.

The same values lead to the same events as in :func:`~.meaning.finished`; a record that is not written as most are goes
the general way by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from workstation.services.timeline.batch import CODED, Batch, Column, Times, chosen, coded, constant
from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping.instants import instants
from workstation.services.timeline.mapping.meaning import (
    Layout,
    moment,
    optional_moment,
    outcome,
    shown_address,
    taken,
)
from workstation.services.timeline.mapping.records import ABSENT, Unmappable, place, record_id
from workstation.services.timeline.mapping.typed import FAILURES, Docs, habits
from workstation.services.timeline.mapping.words import category_of

#: Kinds of values that stand for themselves.
_PLAIN = frozenset({str, msgspec.UnsetType})
_written = msgspec.json.Encoder().encode
#: Records that are read at once. What is made of a thousand stays in a processor's cache; of five thousand, each costs
#: half as much again.
_MANY = 1_000
#: Records of which one is written otherwise are halved until so few are left: these are read one by one.
_FEW = 8


class Mapped(NamedTuple):
    """Events, and the places of the records of which none could be made."""

    batch: Batch
    unreadable: tuple[int, ...] = ()


class ByColumns:
    """Makes batches of records.

    Args:
        layout: of the records.
        one: makes an event of a record that is not written as most are; raises Unmappable.
    """

    def __init__(self, layout: Layout, one: Callable[[bytes, str], Event]) -> None:
        self._layout = layout
        self._one = one
        every = [path for some in (*layout.paths.values(), layout.times, layout.ingested) for path in some]
        self._habits = habits(every, layout.paths.get("location", ()))

    def __call__(self, raws: Sequence[bytes], own_ids: Sequence[str] = ()) -> Mapped:
        """Return the events of records, in their order.

        Args:
            raws: the records; they stay with the events.
            own_ids: the ids that their store gives them, for records that hold none; none at all, or one a record.
        """
        if len(raws) > _MANY * 3 // 2:
            return self._in_parts(raws, own_ids, _MANY)
        try:
            docs = self._read(raws)
        except FAILURES:
            # Those that are written otherwise are found by halving.
            few = len(raws) <= _FEW
            return self._one_by_one(raws, own_ids) if few else self._in_parts(raws, own_ids, -(-len(raws) // 2))
        times, unreadable = self._when(_first(docs, self._layout.times))
        if unreadable:
            kept = np.delete(np.arange(len(raws)), unreadable)
            docs, raws, times = docs.without(unreadable), chosen(raws, kept), times[kept]
            own_ids = [own_ids[at] for at in kept.tolist()] if own_ids else ()
        ingested = self._taken_in(_first(docs, self._layout.ingested))
        columns = self._columns(docs)
        return Mapped(Batch(self._ids(docs, raws, own_ids), times, columns, raws, ingested), unreadable)

    def _read(self, raws: Sequence[bytes]) -> Docs:
        try:
            return self._habits[0].read(raws)
        except FAILURES:
            if len(self._habits) == 1:
                raise
        # A store has one habit: the one that is right goes first from now on.
        found = self._habits[1].read(raws)
        self._habits.reverse()
        return found

    def _in_parts(self, raws: Sequence[bytes], own_ids: Sequence[str], size: int) -> Mapped:
        begins = range(0, len(raws), size)
        parts = [self(raws[begin : begin + size], own_ids[begin : begin + size]) for begin in begins]
        bad = tuple(begin + at for begin, part in zip(begins, parts, strict=True) for at in part.unreadable)
        return Mapped(Batch.joined([part.batch for part in parts]), bad)

    def _one_by_one(self, raws: Sequence[bytes], own_ids: Sequence[str]) -> Mapped:
        return one_by_one(lambda place: self._one(raws[place], own_ids[place] if own_ids else ""), len(raws))

    def _when(self, values: list[Any]) -> tuple[Times, tuple[int, ...]]:
        """Return the times, and the places of records that have none."""
        found, unreadable = _usual(values), []
        for at in np.flatnonzero(found <= 0).tolist():
            try:
                found[at] = moment(values[at], self._layout.instant)
            except Unmappable:
                unreadable.append(at)
        return found, tuple(unreadable)

    def _taken_in(self, values: list[Any]) -> Times | None:
        said = [place for place, value in enumerate(values) if value is not None]
        if not said:
            return None
        times, values = np.zeros(len(values), np.int64), [values[place] for place in said]
        found = _usual(values)
        for at in np.flatnonzero(found <= 0).tolist():
            found[at] = optional_moment(values[at], self._layout.instant)
        times[said] = found
        return times

    def _ids(self, docs: Docs, raws: Sequence[bytes], own_ids: Sequence[str]) -> list[str]:
        ids = [""] * len(docs)
        for path in self._layout.paths["id"]:
            if path in docs and not all(ids):
                values = docs.values(path)
                if set(map(type, values)) != {str} or not ABSENT.isdisjoint(values):
                    values = list(map(taken, values))
                ids = [had or value for had, value in zip(ids, values, strict=True)] if any(ids) else values
        if own_ids and not all(ids):
            ids = [had or own for had, own in zip(ids, own_ids, strict=True)]
        return ids if all(ids) else [record_id(had, raw) for had, raw in zip(ids, raws, strict=True)]

    def _columns(self, docs: Docs) -> dict[str, Column]:
        count = len(docs)
        columns = {name: self._column(docs, name) for name in CODED.values() if name in self._layout.paths}
        found = {name: column for name, column in columns.items() if column is not None}
        none = constant("", count)
        for name, table in self._layout.meaning.values.items():
            column = found.get(name, none)
            if name == "action":
                found["native_action"] = _filled(found.get("native_action", none), column)
            if name in CODED.values():
                found[name] = column.mapped(lambda value, table=table: table.get(value, value))  # type: ignore[misc]
        for name, value in self._layout.meaning.constants.items():
            if name in CODED.values():
                found[name] = _filled(found.get(name, none), constant(value, count))
        account, named = found.get("account", none), found.get("account_name", none)
        unnamed = account.empty() & named.empty()
        if unnamed.any():
            found["account"] = account.filled(found.get("actor", none), unnamed)
            found["account_name"] = named.filled(found.get("actor_name", none), unnamed)
        if "ip" in found:
            found["ip"] = found["ip"].mapped(shown_address)
        found["outcome"] = found.get("outcome", none).mapped(lambda text: outcome(text).value)
        category, action = found.get("category", none), found.get("action", none)
        found["category"] = _filled(category, action.mapped(category_of))
        return found

    def _column(self, docs: Docs, name: str) -> Column | None:
        """Return the values of an attribute as texts, each from the first path that has one; None where none has."""
        column: Column | None = None
        shown = place if name == "location" else taken
        for path in self._layout.paths[name]:
            if path not in docs:
                continue
            other = _texts(docs.values(path), shown)
            column = other if column is None else _filled(column, other)
            if all(column.values):
                break
        return column


def one_by_one(make: Callable[[int], Event], count: int) -> Mapped:
    """Return the events of records that are made one by one.

    Args:
        make: makes the event of the record at a place; raises Unmappable.
        count: of records.
    """
    events, unreadable = [], []
    for at in range(count):
        try:
            events.append(make(at))
        except Unmappable:
            unreadable.append(at)
    return Mapped(Batch.of(events), tuple(unreadable))


def _texts(values: list[Any], shown: Callable[[Any], str]) -> Column:
    try:
        column = coded(values)
        if {value.__class__ for value in column.values} <= {str, msgspec.UnsetType}:
            return column.mapped(shown)
    except TypeError:  # a list or an object
        pass
    # 1, 1.0 and true are one key and three texts: what is no text is told apart as it is written.
    keys = [value if value.__class__ in _PLAIN else _written(value) for value in values]
    column, some = coded(keys), dict(zip(keys, values, strict=True))
    return column.mapped(lambda key: shown(some[key]))


def _filled(column: Column, other: Column) -> Column:
    """Return the column with the other's values where it has none."""
    if all(column.values):
        return column
    where = column.empty()
    return other if where.all() else column.filled(other, where)


def _first(docs: Docs, paths: Sequence[str]) -> list[Any]:
    """Return of each record the first value at `paths` that is there; None where there is none."""
    found: list[Any] = [None] * len(docs)
    for number, path in enumerate(path for path in paths if path in docs):
        values = docs.values(path)
        if number:
            values = [value if had is None else had for had, value in zip(found, values, strict=True)]
        if None in values or "" in values or msgspec.UNSET in values:
            values = [None if value is msgspec.UNSET or value == "" else value for value in values]
        found = values
        if None not in found:
            break
    return found


def _usual(values: list[Any]) -> Times:
    """Return instants that are written as most are, and 0 or less for the others."""
    if set(map(type, values)) <= {str}:
        return instants(values)
    return instants([value if value.__class__ is str else "" for value in values])
