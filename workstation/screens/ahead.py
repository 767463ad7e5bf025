"""Keys in the order in which they were pressed, however quickly.

Textual hands a key to whatever has the focus at once, but the keys that move the focus take effect only after they
have bubbled up. Of a quick hand (or a slow machine) the text after a Tab would go into the field before it, and an
Enter to another button. Here a key waits until the one before it has come to rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual import events

if TYPE_CHECKING:
    from workstation.app import WorkstationApp

#: Seconds between two looks at a key that has not come to rest.
LOOK_S = 0.002
#: Looks after which the next key is let through: whatever holds the one before it must not hold all of them.
LOOKS = 250

Deliver = Callable[[events.Event], Awaitable[None]]


class TypeAhead:
    """Lets one key, or one paste, through at a time.

    Args:
        host: the app.
        deliver: handles an event as Textual does.
    """

    def __init__(self, host: WorkstationApp, deliver: Deliver) -> None:
        self._host, self._deliver = host, deliver
        self._waiting: deque[events.Event] = deque()
        self._under_way: events.Event | None = None
        self._looks = 0

    async def take(self, event: events.Event) -> None:
        """Deliver an event as soon as those before it have come to rest; one that bubbled up rests after this."""
        if event.is_forwarded:
            await self._deliver(event)
            if event is self._under_way:
                self._rest()
        elif self._under_way is not None or self._waiting:
            # Between the rest of one and the turn of the next nothing is under way; those that wait come first still.
            self._waiting.append(event)
        else:
            await self._begin(event)

    async def _begin(self, event: events.Event) -> None:
        self._under_way, self._looks = event, 0
        await self._deliver(event)
        if event.is_forwarded:
            self._host.call_later(self._look)
        else:
            self._rest()

    def _rest(self) -> None:
        self._under_way = None
        if self._waiting:
            self._host.call_later(self._next)

    async def _next(self) -> None:
        if self._under_way is None and self._waiting:
            await self._begin(self._waiting.popleft())

    def _look(self) -> None:
        """A key that was taken by a widget does not bubble up; look whether that has happened."""
        event = self._under_way
        if event is None:
            return
        self._looks += 1
        if event._stop_propagation or self._looks > LOOKS:
            self._rest()
        else:
            self._host.set_timer(LOOK_S, self._look)
