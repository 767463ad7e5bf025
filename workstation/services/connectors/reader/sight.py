"""How a desk looks through the reader."""

from __future__ import annotations

from datetime import datetime

import msgspec

from workstation.services.connectors.decoding import decode
from workstation.services.connectors.endpoint import route
from workstation.services.connectors.reader.accounts import ReaderAccounts
from workstation.services.connectors.reader.client import NAME, ReaderClient
from workstation.services.errors import SourceGarbled
from workstation.services.reading.sight import NAME_HOLE, Addressee, Given
from workstation.services.reading.wire import Field, Frozen, Health, Pinning
from workstation.services.store.session import convert
from workstation.services.timeline.event import Event
from workstation.services.views import Pin


class ReaderSight:
    """A :class:`~workstation.services.reading.sight.Sight` behind the wall: nothing unmasked comes here unrevealed.

    Args:
        client: the way to the reader; closed by the accounts that share it.
    """

    def __init__(self, client: ReaderClient) -> None:
        self._client = client
        self._accounts = ReaderAccounts(client)

    @property
    def fills_name(self) -> bool:
        """True: the store fills it from what the reader told it."""
        return True

    async def admit(self, account: str) -> Given:
        """Take the right to look; the one at hand where it may still hold."""
        return await self._client.tickets.get(account)

    async def find(self, text: str) -> tuple[str, ...]:
        """Return ids of accounts that `text` names exactly; that counts as a view."""
        return await self._accounts.find(text)

    async def field(self, account: str, field: str) -> tuple[str, ...]:
        """Return the values of a field that was revealed within the minute."""
        answer = await self._client.of(account).get(route("v1", "accounts", account, "fields", field), Field)
        return answer.values

    async def pin(self, case: int, account: str, event: Event) -> Pin:
        """Have the reader fetch the record anew and keep it: it goes past this machine."""
        wanted = Pinning(source=event.source, event=event.id, time_us=event.time_us)
        path = route("v1", "accounts", account, "pins")
        answer = await self._client.of(account).send("POST", path, json=wanted)
        try:
            return convert(msgspec.json.decode(answer.body), Pin)
        except msgspec.DecodeError as error:
            raise SourceGarbled("The reader answered in another shape.", "Tell who runs it.") from error

    async def addressee(self, case: int, account: str, since: datetime) -> Addressee | None:
        """Have the reader freeze the address; here it is known masked only."""
        path = route("v1", "accounts", account, "recipient")
        answer = await self._client.of(account).send("POST", path)
        frozen = await decode(answer.body, Frozen, NAME)
        if not frozen.masked:
            return None
        return Addressee(address="", masked=frozen.masked, name=NAME_HOLE if frozen.named else "")

    async def health(self) -> Health:
        """Return whether the reader answers, and its sources. Raises SourceError."""
        system = self._client.anonymous()
        try:
            return await system.get(route("v1", "health"), Health)
        finally:
            await system.aclose()

    async def aclose(self) -> None:
        """The client is closed by the accounts that share it."""
