"""The way to the reader: a unix socket of this machine or TLS, and a view ticket in each request."""

from __future__ import annotations

import asyncio

import httpx
import msgspec

from workstation.services.acts.refusals import refused
from workstation.services.connectors.answers import Answer
from workstation.services.connectors.endpoint import Endpoint, checked_base, tls
from workstation.services.connectors.http import Anonymous, Credential, HttpSystem, Surroundings
from workstation.services.errors import SourceDown, WorkstationError
from workstation.services.reading.sight import TicketBook
from workstation.services.reading.wire import RULE
from workstation.settings import ReaderSettings

NAME = "reader"
UNIX = "unix:"
#: Never looked up: the socket's path is the address.
_SOCKETS_BASE = "http://localhost"
#: Seconds without a byte of a stream; the reader gives a sign of life every five.
SILENCE_S = 15.0
CONNECT_S = 3.0


class ViewTicket:
    """The view ticket of one account as a bearer token; one that died is replaced once by what the store gives now.

    Args:
        tickets: of the session.
        account: for which it is.
    """

    def __init__(self, tickets: TicketBook, account: str) -> None:
        self._tickets = tickets
        self._account = account

    async def header(self) -> str:
        """Return ``Bearer …``. Raises Refused where the store gives no ticket."""
        return f"Bearer {(await self._tickets.get(self._account)).token}"

    def refused(self, header: str) -> bool:
        """Forget the ticket; the store says whether there is another."""
        self._tickets.drop(self._account)
        return True


class SearchTicket:
    """The ticket of one search.

    Args:
        tickets: of the session.
        text: what is searched for.
    """

    def __init__(self, tickets: TicketBook, text: str) -> None:
        self._tickets = tickets
        self._text = text

    async def header(self) -> str:
        """Return ``Bearer …``. Raises Refused where the store gives no ticket."""
        return f"Bearer {(await self._tickets.search(self._text)).token}"

    def refused(self, header: str) -> bool:
        """Return False: a search counts, so it is not repeated unasked."""
        return False


class ReaderSystem(HttpSystem):
    """The reader as a system: the rules of the store come through it in their own words."""

    def refusal(self, answer: Answer, secrets: tuple[str, ...]) -> WorkstationError:
        """Return the rule's refusal where the problem names one."""
        return ruled(answer) or super().refusal(answer, secrets)


class _Problem(msgspec.Struct, frozen=True):
    type: str = ""


def ruled(answer: Answer) -> WorkstationError | None:
    """Return the refusal of the rule that a problem names (RFC 9457); None where it names none."""
    try:
        kind = msgspec.json.decode(answer.body, type=_Problem).type if answer.is_json else ""
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return refused(kind.removeprefix(RULE)) if kind.startswith(RULE) else None


class ReaderClient:
    """Connections to the reader, one set an account.

    Args:
        chosen: where it is.
        tickets: of the session.
        surroundings: clock, chance, waiting; a transport in it replaces the wire.

    Raises:
        Invalid: the address is not one that we talk to.
    """

    def __init__(self, chosen: ReaderSettings, tickets: TicketBook, surroundings: Surroundings) -> None:
        self.tickets = tickets
        self._socket = chosen.url.removeprefix(UNIX) if chosen.url.startswith(UNIX) else ""
        url = _SOCKETS_BASE if self._socket else chosen.url
        self._endpoint = Endpoint(name=NAME, url=url, ca_file=chosen.ca_file)
        self._base = checked_base(self._endpoint)
        self._surroundings = surroundings
        self._systems: dict[str, HttpSystem] = {}
        self._stream: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    def of(self, account: str) -> HttpSystem:
        """Return the reader as it answers about one account. Raises SourceDown once closed."""
        if self._closed:
            raise SourceDown("The connection to the reader was closed.", "Open it again.")
        if account not in self._systems:
            self._systems[account] = self._system(ViewTicket(self.tickets, account))
        return self._systems[account]

    def searching(self, text: str) -> HttpSystem:
        """Return the reader for one search; closed by the caller. Raises SourceDown once closed."""
        if self._closed:
            raise SourceDown("The connection to the reader was closed.", "Open it again.")
        return self._system(SearchTicket(self.tickets, text))

    def anonymous(self) -> HttpSystem:
        """Return the reader without a ticket, to ask whether it is there; closed by the caller."""
        return self._system(Anonymous())

    async def streaming(self) -> httpx.AsyncClient:
        """Return the client for answers that do not end soon. Raises SourceDown once closed."""
        async with self._opening:
            if self._closed:
                raise SourceDown("The connection to the reader was closed.", "Open it again.")
            if self._stream is None:
                transport = self._wire()
                verify = True if transport else await asyncio.to_thread(tls, self._endpoint.ca_file, self._base)
                self._stream = httpx.AsyncClient(
                    transport=transport,
                    verify=verify,
                    trust_env=False,
                    follow_redirects=False,
                    base_url=self._base,
                    timeout=httpx.Timeout(SILENCE_S, connect=CONNECT_S),
                    headers={
                        "User-Agent": "workstation",
                        # Packing costs the reader a third of its pace, which only a slow line gives back.
                        "Accept-Encoding": "identity" if self._socket else "gzip",
                    },
                )
            return self._stream

    async def aclose(self) -> None:
        """Close every connection."""
        self._closed = True
        systems, self._systems = list(self._systems.values()), {}
        for system in systems:
            await system.aclose()
        if self._stream is not None:
            await self._stream.aclose()
            self._stream = None

    def _system(self, credential: Credential) -> HttpSystem:
        surroundings = msgspec.structs.replace(self._surroundings, transport=self._wire())
        return ReaderSystem(self._endpoint, credential, surroundings)

    def _wire(self) -> httpx.AsyncBaseTransport | None:
        if self._surroundings.transport is not None:
            return self._surroundings.transport
        return httpx.AsyncHTTPTransport(uds=self._socket) if self._socket else None
