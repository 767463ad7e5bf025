"""Reading the same few paths out of very many JSON texts, by a decoder that is made for them.

A path such as ``source.geo.city_name`` is written nested by one store and as one dotted name by another. For either
habit there is a type that names nothing but the wanted paths, so the rest of a record is skipped without being made;
what is written in any other way *fails* to decode, and whoever asked reads it the general way.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

#: What a wanted value may be; an object at its place is a failure.
_Leaf = str | int | float | bool | None | list[Any]
#: The same where the value is a point on the map, which most write as an object.
_Point = str | int | float | bool | None | list[Any] | dict[str, Any]
#: Names at the top of what a search engine exports around a record; the record itself has none of them.
_WRAPPING = frozenset({"_source", "_id"})


class _Never(enum.Enum):
    """The type of a name that must not be there: its one value is one that nobody writes."""

    NEVER = "\0never"


class Shape(msgspec.Struct, frozen=True):
    """One habit of writing: `decode` gives an object on which the value of a path is the attribute ``places[path]``.

    A place may be dotted (``f3.f1``). Absent values are ``""``. `decode` raises msgspec.DecodeError (or
    UnicodeDecodeError, RecursionError) for a text that is written otherwise.
    """

    decode: Callable[[bytes], Any]
    places: dict[str, str]


def shapes(paths: Sequence[str], points: Collection[str] = ()) -> tuple[Shape, ...]:
    """Return the habits in which records with values at `paths` (dotted names) are written: nested, dotted.

    Args:
        paths: dotted names.
        points: those of them whose value may be an object.
    """
    wanted = list(dict.fromkeys(paths))
    # Where one path is the beginning of another, a value would have to be an object and none at once.
    clash = any(one.startswith(f"{other}.") for one in wanted for other in wanted)
    made = [_dotted(wanted, points)] if clash else [_nested(wanted, points), _dotted(wanted, points)]
    return tuple(Shape(msgspec.json.Decoder(kind).decode, places) for kind, places in made)


def _nested(paths: Sequence[str], points: Collection[str]) -> tuple[type[msgspec.Struct], dict[str, str]]:
    """Return the type of records in which every dot is nesting, and where each path is in it."""
    split = {tuple(path.split(".")): path for path in paths}
    places: dict[str, str] = {}
    return _node(split, (), "", places, points), places


def _node(
    split: dict[tuple[str, ...], str],
    above: tuple[str, ...],
    place: str,
    places: dict[str, str],
    points: Collection[str],
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
            fields.append((attribute, _Point if split[here] in points else _Leaf, ""))
        else:
            kind = _node(split, here, at, places, points)
            fields.append((attribute, kind, kind()))
    mixed = {".".join(parts[depth:end]) for parts in below for end in range(depth + 2, len(parts) + 1)}
    return _struct(fields, names, mixed if above else mixed | _WRAPPING)


def _dotted(paths: Sequence[str], points: Collection[str]) -> tuple[type[msgspec.Struct], dict[str, str]]:
    """Return the type of records on one level, and where each path is in it."""
    names = {f"f{number}": path for number, path in enumerate(paths)}
    prefixes = {".".join(parts[:end]) for parts in (path.split(".") for path in paths) for end in range(1, len(parts))}
    fields: list[tuple[str, Any, Any]] = [
        (attribute, _Point if path in points else _Leaf, "") for attribute, path in names.items()
    ]
    places = {path: attribute for attribute, path in names.items()}
    return _struct(fields, names, prefixes | _WRAPPING), places


def _struct(fields: list[tuple[str, Any, Any]], names: dict[str, str], refused: set[str]) -> type[msgspec.Struct]:
    for name in sorted(refused - set(names.values())):
        attribute = f"f{len(fields)}"
        names[attribute] = name
        fields.append((attribute, _Never | msgspec.UnsetType, msgspec.UNSET))
    return msgspec.defstruct("Record", fields, rename=names, frozen=True, gc=False)
