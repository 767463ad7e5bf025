"""The outside world as the settings name it: connectors with one token each.

Imported by the loader too, which starts while somebody waits: nothing here pulls in the store.
"""

from __future__ import annotations

import random

from workstation.services.accounts.ports import AccountReader, RiskReader
from workstation.services.clock import Clock
from workstation.services.connectors.accounts.contract import ContractAccounts
from workstation.services.connectors.accounts.sharing import ContractSharing
from workstation.services.connectors.endpoint import Endpoint
from workstation.services.connectors.http import HttpSystem, StaticToken, Surroundings
from workstation.services.connectors.logs.access import secret_names
from workstation.services.connectors.logs.registry import source
from workstation.services.connectors.null import NullSharing
from workstation.services.connectors.risk.contract import ContractRisk
from workstation.services.timeline.related import Sharing
from workstation.services.timeline.source import EventSource
from workstation.settings import AccountSettings, LogSettings, RiskSettings, Settings


class World:
    """Makes connectors for the settings' systems with one token each.

    Args:
        settings: addresses and kinds.
        clock: for deadlines and tokens.
        tokens: secret by name; read once, before.
    """

    def __init__(self, settings: Settings, clock: Clock, tokens: dict[str, str]) -> None:
        self._settings = settings
        self._surroundings = Surroundings(clock=clock, rng=random.SystemRandom())
        self._tokens = tokens

    def accounts(self) -> AccountReader:
        """Return the reader of accounts."""
        chosen = self._settings.accounts
        if chosen.kind == "keycloak":
            from workstation.services.connectors.keycloak.wiring import reader

            return reader(chosen, self._tokens["accounts:read"], self._surroundings)
        return ContractAccounts(self._http("account API", chosen, "accounts:read"))

    def risk(self) -> RiskReader | None:
        """Return the reader of the risk engine, or None where none is configured."""
        chosen = self._settings.risk
        return None if chosen.kind == "none" else ContractRisk(self._http("risk engine", chosen, "risk:read"))

    def sharing(self) -> Sharing:
        """Return who knows which accounts share a value."""
        chosen = self._settings.accounts
        if chosen.kind == "keycloak":
            return NullSharing("Keycloak cannot say which accounts share a value.")
        return ContractSharing(self._http("account API", chosen, "accounts:read"))

    def logs(self) -> list[EventSource]:
        """Return a source for every log of the settings."""
        return [self._log(chosen) for chosen in self._settings.logs]

    def log(self, name: str) -> EventSource:
        """Return the source of that name. Raises KeyError."""
        return self._log({log.name: log for log in self._settings.logs}[name])

    def _log(self, chosen: LogSettings) -> EventSource:
        if chosen.kind == "keycloak":
            from workstation.services.connectors.keycloak.wiring import events

            return events(self._settings.accounts, chosen, self._tokens["accounts:read"], self._surroundings)
        names = secret_names(chosen)
        secret = next((self._tokens[name] for name in names if name in self._tokens), "")
        return source(chosen, secret, self._surroundings)

    def _http(self, name: str, chosen: AccountSettings | RiskSettings, token: str) -> HttpSystem:
        endpoint = Endpoint(name=name, url=chosen.url, ca_file=chosen.ca_file)
        return HttpSystem(endpoint, StaticToken(self._tokens[token]), self._surroundings)
