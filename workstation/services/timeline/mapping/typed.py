"""Reading the same few paths out of very many JSON texts, by a decoder that is made for them.

A path such as ``source.geo.city_name`` is written nested by one store and as one dotted name by another. For either
habit there is a type that names nothing but the wanted paths, so the rest of a record is skipped without being made;
what is written in any other way *fails* to decode, and whoever asked reads it the general way. Of the many paths at
which a value may be, a log has a few: once they are known, nothing else is looked at.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from workstation.services.timeline.batch import Lines

#: What a wanted value may be; an object at its place is a failure.
_Leaf = str | int | float | bool | None | list[Any]
#: The same where the value is a point on the map, which most write as an object.
_Point = str | int | float | bool | None | list[Any] | dict[str, Any]
#: Names at the top of what a search engine exports around a record; the record itself has none of them.
_WRAPPING = frozenset({"_source", "_id"})

#: What a record that cannot be read this way raises.
FAILURES = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Never(enum.Enum):
    """The type of a name that must not be there: its one value is one that nobody writes."""

    NEVER = "\0never"


_Refused = _Never | msgspec.UnsetType

#: Makes the type of records with values at some paths and none at others; returns it and where each path is in it.
_Maker = Callable[["_Wanted"], tuple[type[msgspec.Struct], dict[str, str]]]


class _Wanted(msgspec.Struct, frozen=True):
    """Dotted names; those whose value may be an object; those that were seen to have values, None: anything may."""

    paths: Sequence[str]
    points: Collection[str]
    seen: Collection[str] | None = None

    def leaf(self, path: str) -> tuple[Any, Any]:
        """Return the type of the value at a path, and what stands there where there is none."""
        if self.seen is not None and path not in self.seen:
            return _Refused, msgspec.UNSET
        return (_Point if path in self.points else _Leaf) | msgspec.UnsetType, msgspec.UNSET


class Docs:
    """What was read of records.

    Args:
        found: of each record.
        places: path → where in that its value is; a path that no record has may be left out.
    """

    def __init__(self, found: list[Any], places: Mapping[str, str]) -> None:
        self._found = found
        self._places = places
        self._inner: dict[str, list[Any]] = {"": found}

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, path: str) -> bool:
        return path in self._places

    def values(self, path: str) -> list[Any]:
        """Return each record's value at a path; :data:`msgspec.UNSET` where it has none. Raises KeyError."""
        above, _, name = self._places[path].rpartition(".")
        return list(map(attrgetter(name), self._at(above)))

    def _at(self, place: str) -> list[Any]:
        """Return the object at a place of each record: what is looked for in it is looked for once."""
        if place not in self._inner:
            above, _, name = place.rpartition(".")
            self._inner[place] = list(map(attrgetter(name), self._at(above)))
        return self._inner[place]

    def without(self, places: Sequence[int]) -> Docs:
        """Return all records but some."""
        left_out = set(places)
        return Docs([one for place, one in enumerate(self._found) if place not in left_out], self._places)


class Habit:
    """One habit of writing.

    Args:
        make: makes the types.
        wanted: what is looked for.
    """

    def __init__(self, make: _Maker, wanted: _Wanted) -> None:
        self._make = make
        self._wanted = wanted
        kind, self._places = make(wanted)
        self._any = msgspec.json.Decoder(kind)
        self._seen: dict[str, str] = {}
        self._known = self._any

    def read(self, raws: Sequence[bytes]) -> Docs:
        """Return what was read of records.

        Raises:
            DecodeError, UnicodeDecodeError, RecursionError: one of them is written otherwise (:data:`FAILURES`).
        """
        if self._seen:
            try:
                return Docs(_decoded(self._known, raws), self._seen)
            except FAILURES:
                pass
        found = _decoded(self._any, raws)
        docs = Docs(found, self._places)
        unset = len(found) * [msgspec.UNSET]
        new = {path: at for path, at in self._places.items() if path not in self._seen and docs.values(path) != unset}
        if new:
            self._seen = {**self._seen, **new}
            kind, _ = self._make(msgspec.structs.replace(self._wanted, seen=frozenset(self._seen)))
            self._known = msgspec.json.Decoder(kind)
        return Docs(found, self._seen)


def habits(paths: Sequence[str], points: Collection[str] = ()) -> list[Habit]:
    """Return the habits in which records with values at `paths` (dotted names) are written: nested, dotted.

    Args:
        paths: dotted names.
        points: those of them whose value may be an object.
    """
    wanted = _Wanted(list(dict.fromkeys(paths)), points)
    # Where one path is the beginning of another, a value would have to be an object and none at once.
    clash = any(one.startswith(f"{other}.") for one in wanted.paths for other in wanted.paths)
    return [Habit(make, wanted) for make in ([_dotted] if clash else [_nested, _dotted])]


def _decoded(decoder: msgspec.json.Decoder[Any], raws: Sequence[bytes]) -> list[Any]:
    if isinstance(raws, Lines) and raws.parted_by is not None and raws.are_objects:
        # A brace that closes and, on the next line, one that opens lie between two records only: if there are as many
        # records as lines, each line is one.
        found = decoder.decode_lines(raws.body)
        if len(found) == len(raws):
            return found
    return list(map(decoder.decode, raws))


def _nested(wanted: _Wanted) -> tuple[type[msgspec.Struct], dict[str, str]]:
    """Return the type of records in which every dot is nesting, and where each path is in it."""
    split = {tuple(path.split(".")): path for path in wanted.paths}
    places: dict[str, str] = {}
    return _node(split, (), "", places, wanted), places


def _node(
    split: dict[tuple[str, ...], str], above: tuple[str, ...], place: str, places: dict[str, str], wanted: _Wanted
) -> type[msgspec.Struct]:
    """Return the type of the object at `above`, and note the places of the paths below it."""
    depth = len(above)
    below = [parts for parts in split if parts[:depth] == above]
    fields: list[tuple[str, Any, Any]] = []
    names: dict[str, str] = {}
    for name in dict.fromkeys(parts[depth] for parts in below):
        attribute = f"f{len(fields)}"
        names[attribute] = name
        here, at = (*above, name), f"{place}.{attribute}".lstrip(".")
        if here in split:
            places[split[here]] = at
            fields.append((attribute, *wanted.leaf(split[here])))
        else:
            kind = _node(split, here, at, places, wanted)
            fields.append((attribute, kind, kind()))
    mixed = {".".join(parts[depth:end]) for parts in below for end in range(depth + 2, len(parts) + 1)}
    return _struct(fields, names, mixed if above else mixed | _WRAPPING)


def _dotted(wanted: _Wanted) -> tuple[type[msgspec.Struct], dict[str, str]]:
    """Return the type of records on one level, and where each path is in it."""
    names = {f"f{number}": path for number, path in enumerate(wanted.paths)}
    prefixes = {
        ".".join(parts[:end]) for parts in (path.split(".") for path in wanted.paths) for end in range(1, len(parts))
    }
    fields: list[tuple[str, Any, Any]] = [(attribute, *wanted.leaf(path)) for attribute, path in names.items()]
    places = {path: attribute for attribute, path in names.items()}
    return _struct(fields, names, prefixes | _WRAPPING), places


def _struct(fields: list[tuple[str, Any, Any]], names: dict[str, str], refused: set[str]) -> type[msgspec.Struct]:
    for name in sorted(refused - set(names.values())):
        attribute = f"f{len(fields)}"
        names[attribute] = name
        fields.append((attribute, _Refused, msgspec.UNSET))
    return msgspec.defstruct("Record", fields, rename=names, frozen=True, gc=False)
