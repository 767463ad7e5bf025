"""From a ``[[logs]]`` table to its connector, a module a kind, imported when it is asked for.

To add a kind: its table in ``settings.py``, and here the module that has a ``source`` of the type :class:`Maker`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from workstation.services.connectors.http import Surroundings
from workstation.services.timeline.source import EventSource
from workstation.settings import LogSettings

_HERE = "workstation.services.connectors.logs"
#: Kind → module. Keycloak is not here: its log is part of the account system (`connectors/keycloak/wiring.py`).
MODULES: dict[str, str] = {
    "contract": f"{_HERE}.contract",
    "opensearch": f"{_HERE}.opensearch",
    "clickhouse": f"{_HERE}.clickhouse",
    "loki": f"{_HERE}.loki",
    "victorialogs": f"{_HERE}.victorialogs",
    "okta": f"{_HERE}.okta",
    "postgres": f"{_HERE}.postgres",
    "files": f"{_HERE}.files",
}


class Maker(Protocol):
    """What a module of a kind offers as ``source``."""

    def __call__(self, chosen: LogSettings, secret: str, surroundings: Surroundings) -> EventSource:
        """Return the source.

        Args:
            chosen: its table.
            secret: its secret, ``""`` where it needs none.
            surroundings: clock, chance, waiting, wire.

        Raises:
            Invalid: the table cannot be used; says what to correct.
        """
        ...


def source(chosen: LogSettings, secret: str, surroundings: Surroundings) -> EventSource:
    """Return the source of a table; see :class:`Maker`."""
    maker = cast(Maker, import_module(MODULES[chosen.kind]).source)
    return maker(chosen, secret, surroundings)
