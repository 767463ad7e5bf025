"""Which fields a store may be asked for: those that it holds as our events have them, by the settings' word alone."""

from __future__ import annotations

from typing import Any

import pytest

from workstation.services.connectors.logs.narrowing import MADE, columns
from workstation.services.errors import Invalid
from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.mapping.configured import reader
from workstation.services.timeline.query.push.bounds import Column, Stored
from workstation.settings import MappingSettings


def made(**chosen: Any) -> dict[str, Column]:
    mapping = MappingSettings(**chosen)
    return dict(columns("core", mapping, reader(mapping, "core")))


def test_what_the_settings_name_is_a_column_in_its_place() -> None:
    fields = {"event.action": "what", "source.ip": "client.addr"}
    found = made(fields=fields, narrow={"event.action": "text", "source.ip": "ip"})
    assert found == {"event.action": Column("what"), "source.ip": Column("client.addr", Stored.IP)}


def test_nothing_is_asked_for_without_a_word() -> None:
    assert made(fields={"event.action": "what"}) == {}


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        ({"narrow": {"event.action": "text"}}, "no one place"),
        ({"narrow": {"no.field": "text"}}, "no one place"),
        ({"fields": {"device.id": ("a", "b")}, "narrow": {"device.id": "text"}}, "no one place"),
        ({"records": "okta", "fields": {"device.id": "a"}, "narrow": {"device.id": "text"}}, "no one place"),
        (
            {
                "fields": {"event.action": "a"},
                "values": {"event.action": {"x": "y"}},
                "narrow": {"event.action": "text"},
            },
            "changed by the mapping",
        ),
        (
            {"fields": {"device.id": "a"}, "constants": {"device.id": "d"}, "narrow": {"device.id": "text"}},
            "changed by the mapping",
        ),
        *(({"fields": {name: "a"}, "narrow": {name: "text"}}, "changed by the mapping") for name in sorted(MADE)),
    ],
)
def test_what_a_store_holds_otherwise_is_refused(chosen: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        made(**chosen)
    assert "narrow" in refused.value.hint


def test_what_is_not_made_is_taken_as_it_came() -> None:
    """The list of what a mapping makes is whole: every other field is in the event as in the record."""
    free = sorted(set(FIELDS) - MADE - {"source.ip"})
    mapping = MappingSettings(fields={name: name.replace(".", "_") for name in free})
    record = {name.replace(".", "_"): f" Ünï {name} " for name in free}
    text = '{"@timestamp": "2026-01-01T00:00:00Z"' + "".join(f', "{k}": "{v}"' for k, v in record.items()) + "}"
    event = reader(mapping, "core")(text.encode())
    assert {name: event.value(name) for name in free} == {name: f" Ünï {name} " for name in free}
