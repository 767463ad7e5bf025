"""From the settings' ``[accounts]`` and ``[[logs]]`` to Keycloak's connectors."""

from __future__ import annotations

from workstation.services.connectors.endpoint import Endpoint
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.keycloak.accounts import KeycloakAccounts
from workstation.services.connectors.keycloak.client import KeycloakRealm
from workstation.services.connectors.keycloak.control import KeycloakControl
from workstation.services.connectors.keycloak.events import KeycloakEvents, admin_acts, sign_ins
from workstation.settings import AccountSettings, LogSettings

#: The ``dataset`` of a ``[[logs]]`` table that asks for the log of the Admin API instead of the users' own.
ADMIN = "admin"


def reader(chosen: AccountSettings, secret: str, surroundings: Surroundings) -> KeycloakAccounts:
    """Return the reader of accounts.

    Args:
        chosen: address, realm, the reader's client, and whether the realm verifies addresses.
        secret: that client's secret.
        surroundings: clock, chance, waiting, wire.

    Raises:
        Invalid: the address, the realm or the client cannot be used.
    """
    realm = _realm("Keycloak", chosen, chosen.client, secret, surroundings)
    return KeycloakAccounts(realm, verifies_email=chosen.verifies_email)


def events(accounts: AccountSettings, chosen: LogSettings, secret: str, surroundings: Surroundings) -> KeycloakEvents:
    """Return one log of the realm as a source, with the reader's client; see :func:`reader`.

    Args:
        accounts: address, realm and the reader's client.
        chosen: the source's name, and ``dataset = "admin"`` for the log of the Admin API.
        secret: that client's secret.
        surroundings: clock, chance, waiting, wire.
    """
    realm = _realm(chosen.name, accounts, accounts.client, secret, surroundings)
    make = admin_acts if chosen.dataset == ADMIN else sign_ins
    return make(realm, chosen.name)


def control(
    chosen: AccountSettings, read_secret: str, write_secret: str, surroundings: Surroundings
) -> KeycloakControl:
    """Return the account system with the writer's client; the broker's process alone calls this.

    Args:
        chosen: address, realm and both clients.
        read_secret: the reader's secret: the writer may not see events.
        write_secret: the writer's secret.
        surroundings: clock, chance, waiting, wire.
    """
    writer = _realm("Keycloak", chosen, chosen.writer_client, write_secret, surroundings)
    return KeycloakControl(writer, reader(chosen, read_secret, surroundings))


def _realm(name: str, chosen: AccountSettings, client: str, secret: str, surroundings: Surroundings) -> KeycloakRealm:
    endpoint = Endpoint(name=name, url=chosen.url, ca_file=chosen.ca_file)
    return KeycloakRealm(endpoint, chosen.realm, client, secret, surroundings)
