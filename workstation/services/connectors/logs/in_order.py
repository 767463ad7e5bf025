"""Several readings at once, whose results come in the order of the readings: a long way to a store is walked once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")

#: Results of one reading that wait to be taken; with them, no more than this and one per reading are in memory.
_WAITING = 2


class _Reading(Generic[T]):
    """One reading in a task of its own. Its queue holds results, then how it ended: an error, or None."""

    def __init__(self, make: Callable[[], AsyncIterator[T]]) -> None:
        self.queue: asyncio.Queue[tuple[T] | Exception | None] = asyncio.Queue(_WAITING)
        self.task = asyncio.create_task(self._work(make))

    async def _work(self, make: Callable[[], AsyncIterator[T]]) -> None:
        try:
            async for result in make():
                await self.queue.put((result,))
        except Exception as error:  # noqa: BLE001 - raised again where the results are taken
            await self.queue.put(error)
        else:
            await self.queue.put(None)


async def in_order(readings: Iterable[Callable[[], AsyncIterator[T]]], width: int) -> AsyncGenerator[T, None]:
    """Yield all results of the first reading, then all of the second, and so on, while `width` of them go on.

    The error of a reading is raised in its turn, after everything of those before it. When whoever reads stops,
    every reading is cancelled and has ended.

    Args:
        readings: makes the readings, taken as they are begun.
        width: how many go on at the same time.
    """
    todo, going = iter(readings), deque[_Reading[T]]()
    try:
        going.extend(_Reading(make) for make in islice(todo, width))
        while going:
            found = await going[0].queue.get()
            if isinstance(found, tuple):
                yield found[0]
            elif found is not None:
                raise found
            else:
                going.popleft()
                going.extend(_Reading(make) for make in islice(todo, 1))
    finally:
        for reading in going:
            reading.task.cancel()
        await asyncio.gather(*(reading.task for reading in going), return_exceptions=True)
