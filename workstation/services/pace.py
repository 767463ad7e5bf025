"""Lets what a person asks for go before what comes by itself: while a key is answered, the rest waits."""

from __future__ import annotations

import asyncio

#: Seconds after a key in which it is painted. A key that is held comes every 30 ms: a third of that is left.
ANSWER_S = 0.02
#: Seconds that anything waits for keys, at most: what comes must come, however quick the hand.
LONGEST_S = 0.1


class Pace:
    """Whether a key is being answered now. Belongs to one event loop."""

    def __init__(self) -> None:
        self._still = asyncio.Event()
        self._still.set()
        self._rest: asyncio.TimerHandle | None = None

    @property
    def still(self) -> bool:
        """Whether no key is being answered."""
        return self._still.is_set()

    def key(self) -> None:
        """Take note of a key."""
        if self._rest is not None:
            self._rest.cancel()
        self._still.clear()
        self._rest = asyncio.get_running_loop().call_later(ANSWER_S, self.rest)

    def coming(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take note of a key in the thread that reads it: `loop` may be busy with what has to wait for it."""
        self._still.clear()
        loop.call_soon_threadsafe(self.key)

    def rest(self) -> None:
        """Let what waits go on: the key was answered."""
        self._still.set()

    async def turn(self, unless: asyncio.Event | None = None) -> None:
        """Wait until no key is being answered, :data:`LONGEST_S` at most, and not once `unless` is set."""
        over = [self._still] if unless is None else [self._still, unless]
        if any(event.is_set() for event in over):
            return
        waits = [asyncio.ensure_future(event.wait()) for event in over]
        try:
            await asyncio.wait(waits, timeout=LONGEST_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
