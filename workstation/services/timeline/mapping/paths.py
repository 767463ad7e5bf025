"""Records of which each of our fields has a path: one at a time or many, with the same events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping.columns import ByColumns, Mapped
from workstation.services.timeline.mapping.meaning import Layout, finished, moment, optional_moment, taken
from workstation.services.timeline.mapping.records import Unmappable, decode, place, plain


class ByPaths:
    """A mapping by paths.

    Args:
        layout: of the records.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._columns = ByColumns(layout, self)

    def batch(self, raws: Sequence[bytes], own_ids: Sequence[str] = ()) -> Mapped:
        """Return the events of many records; see :meth:`ByColumns.__call__`."""
        return self._columns(raws, own_ids)

    def __call__(self, raw: bytes, own_id: str = "") -> Event:
        """Return the event of a record, whichever of its dots are nesting.

        Args:
            raw: the record, as it is or in the wrapping of a search engine (``_source``).
            own_id: the id that its store gives it, for a record that holds none.

        Raises:
            Unmappable: it is no JSON object or has no time.
        """
        record = decode(raw)
        if not isinstance(record, dict):
            raise Unmappable("The record is no JSON object.")
        source = record.get("_source")
        document: Any = source if isinstance(source, dict) else record
        layout = self._layout
        found = {name: value_at(document, some, name == "location") for name, some in layout.paths.items()}
        time = moment(_first(document, layout.times), layout.instant)
        ingested = optional_moment(_first(document, layout.ingested), layout.instant)
        return finished(found, time, ingested, raw, own_id or plain(record.get("_id")), layout.meaning)


def find(document: Any, name: str) -> Any:
    """Return the value of a dotted name, whichever of its dots are nesting; None where there is none."""
    if not isinstance(document, dict):
        return None
    if name in document:
        return document[name]
    head, dot, rest = name.partition(".")
    while dot:
        if head in document and (found := find(document[head], rest)) is not None:
            return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None


def value_at(document: Any, paths: Sequence[str], point: bool = False) -> str:
    """Return the first value at `paths` as text, ``""`` where there is none.

    Args:
        document: the decoded record.
        paths: dotted names.
        point: whether it is a point on the map.
    """
    shown = place if point else taken
    return next((found for path in paths if (found := shown(find(document, path)))), "")


def _first(document: Any, paths: Sequence[str]) -> Any:
    values = (find(document, path) for path in paths)
    return next((value for value in values if value not in (None, "")), None)
