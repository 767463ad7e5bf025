"""What of a query a store can be asked: conditions on fields that it holds just as our events have them.

A mapping may rename, join, fold and default values, and of most stores nobody but their keepers knows whether a field
holds one value a record. So a field is asked for only where the settings say that it may be (``mapping.narrow``); what
is not asked for is left out by whoever reads. A store never decides alone what an analyst does not see.
"""

from __future__ import annotations

from collections.abc import Mapping

from workstation.services.errors import Invalid
from workstation.services.text import clean
from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.mapping.configured import BY_PATHS, Reader
from workstation.services.timeline.query.push.bounds import Column, Stored
from workstation.settings import MappingSettings

#: What a mapping makes of more than one value, or rewrites, whatever the settings say (`mapping/meaning.py`).
MADE = frozenset(
    {"event.id", "event.outcome", "event.category", "source.geo.location", "user.target.id", "user.target.name"}
)


def columns(name: str, mapping: MappingSettings, read: Reader) -> Mapping[str, Column]:
    """Return the fields that a store may be asked for, by ECS name.

    Args:
        name: of the source, for what is said.
        mapping: what its records are.
        read: the reader of those; it knows where a field is.

    Raises:
        Invalid: the settings name something that is no field, that code makes of a record, whose values the mapping
            changes, or that is in no one place of a record.
    """
    found: dict[str, Column] = {}
    for field, stored in mapping.narrow.items():
        paths = read.paths(field) if field in FIELDS and mapping.records in BY_PATHS else ()
        changed = field in mapping.values or field in mapping.constants or field in MADE
        if len(paths) != 1 or changed:
            why = "its values are changed by the mapping" if changed else "it is in no one place of a record"
            raise Invalid(
                f"{name} cannot be asked for {clean(field, 80)}: {why}.",
                "Take it out of `narrow`, or say in `fields` where it is.",
            )
        found[field] = Column(paths[0], Stored(stored))
    return found
