"""What the tests of connectors hand in: a wire, waits that are only noted, and a system on them."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx

from workstation.services.clock import FrozenClock
from workstation.services.connectors.endpoint import Endpoint
from workstation.services.connectors.http import Credential, HttpSystem, Policy, StaticToken, Surroundings

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
URL = "https://accounts.example.test/base"
Handler = Callable[[httpx.Request], httpx.Response] | Callable[[httpx.Request], Awaitable[httpx.Response]]


class Pauses(list[float]):
    """Waits that were asked for, in seconds; none is waited."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


class Wire(httpx.MockTransport):
    """A transport that hands a body over as a stream, as a socket does; MockTransport reads it beforehand."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        made = await super().handle_async_request(request)
        return httpx.Response(made.status_code, headers=made.headers, stream=made.stream)


def surroundings(handler: Handler | None = None, pauses: Pauses | None = None) -> Surroundings:
    return Surroundings(
        clock=FrozenClock(NOON),
        rng=random.Random(7),
        sleep=Pauses() if pauses is None else pauses,
        transport=None if handler is None else Wire(handler),
    )


def system(
    handler: Handler | None,
    pauses: Pauses | None = None,
    *,
    url: str = URL,
    token: str = "read-me-not",
    credential: Credential | None = None,
    **limits: float,
) -> HttpSystem:
    return HttpSystem(
        Endpoint(name="account API", url=url),
        credential or StaticToken(token),
        surroundings(handler, pauses),
        Policy(**limits),  # type: ignore[arg-type]
    )
