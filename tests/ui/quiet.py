"""Waiting until an app has nothing left to do, without looking at the processor's clock.

Textual waits until the process has used little processor time for 20 ms, several times a key; on a busy machine
that is slow, and it can be wrong. The event loop knows better: an app is done when no callback is ready, no thread
works for it, and no timer is due within a breath.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import pytest
import textual.app
import textual.pilot

#: Seconds within which a timer belongs to what was just done: a frame (1/60 s), a pane after the cursor (0.04 s).
BREATH_S = 0.045
#: Seconds after which an app that never rests is taken as it is, as Textual does.
LONGEST_S = 2.0


async def quiet(min_sleep: float = 0.0, max_sleep: float = LONGEST_S) -> None:
    """Return once the running loop has nothing to do but to wait."""
    loop: Any = asyncio.get_running_loop()
    start = monotonic()
    while monotonic() - start < max_sleep:
        await asyncio.sleep(0)
        if loop._ready:
            continue
        rest = _threads_or_timers(loop)
        if rest is None:
            return
        await asyncio.sleep(rest)


def _threads_or_timers(loop: Any) -> float | None:
    """Return the seconds to sleep while a thread works or a timer is about to go off; None when neither is so."""
    executor = loop._default_executor
    if executor is not None and (
        executor._work_queue.qsize() or executor._idle_semaphore._value < len(executor._threads)
    ):
        return 0.002
    now = loop.time()
    due = [handle._when - now for handle in loop._scheduled if not handle._cancelled]
    return max(0.0, min(due)) if due and min(due) < BREATH_S else None


@contextmanager
def quick_waits() -> Iterator[None]:
    """Let Textual's pilot wait for the loop instead of for the processor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textual.app, "wait_for_idle", quiet)
        patch.setattr(textual.pilot, "wait_for_idle", quiet)
        yield
