"""The one client policy: every connector talks to the outside through :class:`HttpSystem`.

Decided once, here (``docs/decisions/0005-one-client-policy.md``):

* every call has one deadline that covers connecting, retries, waiting and the last byte of the body;
* GETs, and questions that travel as a POST, are asked again with full jitter, and never before the time that the
  system asked for; anything that may change something is sent exactly once;
* bodies are read as a stream up to a limit, unpacked by us, and decoded into strict structs;
* TLS is required unless the system is on this machine; no other origin is ever followed to; nothing of
  the environment (proxies, ``.netrc``) is obeyed;
* every error is a sentence that names the system and never holds a secret.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import httpx
import msgspec

from workstation.services.clock import Clock
from workstation.services.connectors.answers import PROXY_HINT, Answer, refusal, require_json
from workstation.services.connectors.decoding import Inflater, decode
from workstation.services.connectors.endpoint import Endpoint, checked_base, tls
from workstation.services.errors import SourceBusy, SourceDown, SourceGarbled, WorkstationError
from workstation.services.text import clean

T = TypeVar("T")
Query = Sequence[tuple[str, str]]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HOPS = 3


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one system's calls. Times are seconds, sizes bytes after unpacking."""

    #: An analyst waits for an account; ten seconds is where attention is lost (Nielsen 1993, response times).
    deadline_s: float = 10.0
    #: Three TCP SYNs on a line that loses packets (RFC 6298: first retransmission after 1 s).
    connect_s: float = 3.0
    #: Tries of a GET, the first included.
    attempts: int = 3
    #: Full jitter: a wait is drawn from 0 to ``min(wait_max_s, wait_first_s * 2**n)`` (AWS, "Exponential backoff").
    wait_first_s: float = 0.2
    wait_max_s: float = 2.0
    #: A Retry-After above this is not waited for: the person is told instead.
    retry_after_max_s: float = 5.0
    #: The largest page that a source of ours sends, 10,000 events, has about 2.5 MB.
    body_max: int = 32 * 1024 * 1024
    connections: int = 8


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What a test replaces: the clock, chance, waiting, and the wire."""

    clock: Clock
    rng: random.Random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    transport: httpx.AsyncBaseTransport | None = None


class Credential(Protocol):
    """What goes into the Authorization header."""

    async def header(self) -> str:
        """Return the header's value; may ask an identity system for a token. Raises SourceError."""
        ...

    def refused(self, header: str) -> bool:
        """Take note that `header` got a 401; return whether another one can be had now."""
        ...


class StaticToken:
    """A bearer token that stays as it is (RFC 6750)."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    async def header(self) -> str:
        """Return ``Bearer …``."""
        return self._header

    def refused(self, header: str) -> bool:
        """Return False: there is no other."""
        return False


class Anonymous:
    """No credential: for the call that gets one."""

    async def header(self) -> str:
        """Return an empty value; no header is sent."""
        return ""

    def refused(self, header: str) -> bool:
        """Return False: there is nothing to renew."""
        return False


class HttpSystem:
    """One outside system under the one policy.

    Args:
        endpoint: where it is and how people know it.
        credential: what it is asked with.
        surroundings: clock, chance, waiting, wire.
        policy: the limits.

    Raises:
        Invalid: the address is not one that we talk to (no TLS off this machine, credentials in it).
    """

    def __init__(
        self, endpoint: Endpoint, credential: Credential, surroundings: Surroundings, policy: Policy | None = None
    ) -> None:
        self.name = endpoint.name
        self.policy = policy or Policy()
        self.surroundings = surroundings
        self._base = checked_base(endpoint)
        self._ca_file = endpoint.ca_file
        self._credential = credential
        self._client: httpx.AsyncClient | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    async def get(self, path: str, into: type[T], query: Query = ()) -> T:
        """Return what a GET of `path` gives, decoded strictly into `into`.

        Args:
            path: of :func:`route`.
            into: a struct, or a list or dict of structs.
            query: names and values, unencoded.

        Raises:
            SourceError: see :mod:`workstation.services.connectors.answers`.
            Invalid: the system says that the request itself is wrong.
        """
        return await decode((await self.fetch(path, query)).body, into, self.name)

    async def fetch(self, path: str, query: Query = ()) -> Answer:
        """GET `path`, asking again where that may help, and return the whole JSON answer. Raises as :meth:`get`."""
        return await self._again("GET", path, query)

    async def ask(
        self,
        path: str,
        query: Query = (),
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        text: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST a question that changes nothing, such as a search: asked again as :meth:`fetch` does.

        Args:
            path: of :func:`route`.
            query: names and values, unencoded.
            json: the body, anything that msgspec encodes; or
            form: the body as form fields; or
            text: the body as plain text.
            headers: further headers.

        Raises:
            SourceError, Invalid: as :meth:`get`.
        """
        content, kind = _body(json, form) if text is None else (text.encode(), "text/plain; charset=utf-8")
        every = {**(headers or {}), **({"Content-Type": kind} if kind else {})}
        return await self._again("POST", path, query, content, every)

    async def _again(
        self,
        method: str,
        path: str,
        query: Query,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        async with self._deadline() as deadline:
            for attempt in range(self.policy.attempts - 1):
                try:
                    return await self._call(method, path, query, content, headers)
                except (SourceDown, SourceBusy, _CutOff) as error:
                    wait = self._wait(attempt, error)
                    if wait is None or not _fits(deadline, wait):
                        raise
                await self.surroundings.sleep(wait)
            return await self._call(method, path, query, content, headers)

    async def send(
        self,
        method: str,
        path: str,
        query: Query = (),
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send something that may change something, exactly once.

        Args:
            method: ``POST``, ``PUT`` or ``DELETE``.
            path: of :func:`route`.
            query: names and values, unencoded.
            json: the body, anything that msgspec encodes; or
            form: the body as form fields.
            headers: further headers.

        Raises:
            SourceDenied, SourceMissing, SourceChanged, Invalid: refused; nothing was done.
            SourceError: any other: whether it was done is not known.
        """
        content, kind = _body(json, form)
        every = {**(headers or {}), **({"Content-Type": kind} if kind else {})}
        hidden = tuple((form or {}).values())
        async with self._deadline():
            return await self._call(method, path, query, content, every, hidden)

    def refusal(self, answer: Answer, secrets: tuple[str, ...]) -> WorkstationError:
        """Return the error that an answer other than 2xx stands for; a system with words of its own may say more."""
        return refusal(answer, self.name, self.surroundings.clock, secrets)

    def is_same_origin(self, url: httpx.URL) -> bool:
        """Return whether an address that the system named is on the system itself."""
        return _origin(url) == _origin(httpx.URL(self._base))

    def check(self, answer: Answer) -> None:
        """Refuse a successful answer that is not what this system speaks: JSON. Raises SourceGarbled."""
        require_json(answer, self.name)

    async def aclose(self) -> None:
        """Close every connection; further calls raise SourceDown."""
        self._closed = True
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[asyncio.Timeout]:
        try:
            async with asyncio.timeout(self.policy.deadline_s) as deadline:
                yield deadline
        except TimeoutError as error:
            raise SourceDown(
                f"{self.name} did not answer within {self.policy.deadline_s:g} s.",
                "Try again; if it stays, tell who runs that system.",
            ) from error

    def _wait(self, attempt: int, error: Exception) -> float | None:
        policy = self.policy
        jitter = self.surroundings.rng.uniform(0, min(policy.wait_max_s, policy.wait_first_s * 2**attempt))
        asked = error.retry_after if isinstance(error, SourceBusy) else None
        if asked is None:
            return jitter
        # Jitter comes on top: everybody was told the same second.
        return asked + jitter if asked <= policy.retry_after_max_s else None

    async def _call(
        self,
        method: str,
        path: str,
        query: Query,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        hidden: tuple[str, ...] = (),
    ) -> Answer:
        url = httpx.URL(self._base + path, params=list(query)) if query else httpx.URL(self._base + path)
        for renewed in (False, True):
            header = await self._credential.header()
            every = {**(headers or {}), **({"Authorization": header} if header else {})}
            answer = await self._travel(method, url, content, every)
            # A 401 was refused before anything was done, so this is no second try of the same thing.
            if answer.status != 401 or renewed or not self._credential.refused(header):
                break
        if not 200 <= answer.status < 300:
            raise self.refusal(answer, (header.rpartition(" ")[2], *hidden))
        self.check(answer)
        return answer

    async def _travel(self, method: str, url: httpx.URL, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Exchange, and follow a GET to another path of the same origin, never to another origin."""
        for _ in range(_HOPS):
            answer = await self._exchange(method, url, content, headers)
            if answer.status not in _REDIRECTS:
                return answer
            there = url.join(answer.headers.get("location", ""))
            if method != "GET" or _origin(there) != _origin(url):
                raise SourceGarbled(
                    f"{self.name} points to another place ({clean(there.host, 80)}); it was not followed.", PROXY_HINT
                )
            url = there
        raise SourceGarbled(f"{self.name} sends us round in circles.", PROXY_HINT)

    async def _exchange(self, method: str, url: httpx.URL, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        client = await self._connected()
        request = client.build_request(method, url, content=content, headers=headers)
        try:
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                body = await self._read(response)
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            raise self._no_answer(error) from error
        return Answer(
            status=response.status_code, headers={k.lower(): v for k, v in response.headers.items()}, body=body
        )

    async def _read(self, response: httpx.Response) -> bytes:
        """Read the body up to the limit; unpacked here, because a library would unpack a bomb first and count later."""
        packing = response.headers.get("content-encoding", "identity").strip().lower()
        if packing not in ("identity", "gzip"):
            raise SourceGarbled(f"{self.name} packs its answers in a way that was not asked for.", PROXY_HINT)
        unpack = Inflater(self.policy.body_max) if packing == "gzip" else None
        pieces: list[bytes] = []
        size = 0
        async for piece in response.aiter_raw():
            try:
                more = unpack.feed(piece) if unpack else piece
            except zlib.error as error:
                raise SourceGarbled(f"{self.name} sent a packed answer that is damaged.", "Try again.") from error
            size += 0 if more is None else len(more)
            if more is None or size > self.policy.body_max:
                raise SourceGarbled(
                    f"{self.name} sent more than {self.policy.body_max // 1024:,} KiB; the rest was not read.",
                    "Ask for less: a shorter span.",
                )
            pieces.append(more)
        if unpack and size and not unpack.complete:
            raise _CutOff(f"{self.name} broke off in the middle of its answer.", "Try again.")
        return b"".join(pieces)

    def _no_answer(self, error: httpx.TransportError) -> SourceDown | SourceGarbled:
        if isinstance(error, httpx.RemoteProtocolError):
            return _CutOff(f"{self.name} broke off in the middle of its answer.", "Try again.")
        if isinstance(error, httpx.TimeoutException):
            return SourceDown(f"{self.name} cannot be reached in time.", "Check the network, then that system.")
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return SourceDown(
                f"{self.name} shows a certificate that is not trusted here.",
                "If your company signs its own, name its authority in the settings (ca_file). Do not go on without.",
            )
        return SourceDown(f"{self.name} cannot be reached.", "Check the network, then that system.")

    async def _connected(self) -> httpx.AsyncClient:
        if self._closed:
            raise SourceDown(f"The connection to {self.name} was closed.", "Open it again.")
        async with self._opening:
            if self._client is None:
                self._client = await self._open()
        return self._client

    async def _open(self) -> httpx.AsyncClient:
        # At INFO httpx logs whole addresses, and ours hold what a person searched for.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        verify: ssl.SSLContext | bool = True
        if self.surroundings.transport is None:
            # Reading the authorities takes about 50 ms: never on the loop.
            verify = await asyncio.to_thread(tls, self._ca_file, self._base)
        return httpx.AsyncClient(
            transport=self.surroundings.transport,
            verify=verify,
            trust_env=False,
            timeout=httpx.Timeout(self.policy.deadline_s, connect=self.policy.connect_s),
            limits=httpx.Limits(max_connections=self.policy.connections, keepalive_expiry=30.0),
            headers={"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "workstation"},
        )


class _CutOff(SourceGarbled):
    """The answer ended early: the one garbled answer that a second try may mend."""


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _fits(deadline: asyncio.Timeout, wait: float) -> bool:
    when = deadline.when()
    return when is None or asyncio.get_running_loop().time() + wait < when


def _body(json: Any, form: Mapping[str, str] | None) -> tuple[bytes | None, str]:
    if form is not None:
        return str(httpx.QueryParams(dict(form))).encode(), "application/x-www-form-urlencoded"
    if json is not None:
        return msgspec.json.encode(json), "application/json"
    return None, ""
