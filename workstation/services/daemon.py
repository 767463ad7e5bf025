"""What every process does that holds credentials: leave no memory behind; and what every daemon does beside that: one
JSON line per event on stdout, stop on SIGTERM, never outlive its supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from workstation.services.clock import Clock, SystemClock

#: prctl(2), PR_SET_PDEATHSIG.
_PDEATHSIG = 1
#: prctl(2), PR_SET_DUMPABLE.
_DUMPABLE = 4

Log = Callable[..., None]


def logger(daemon: str, clock: Clock | None = None) -> Log:
    """Return ``log(event, **fields)``, which writes one JSON line; fields never hold secrets."""
    source = clock or SystemClock()

    def log(event: str, **fields: Any) -> None:
        line = {"at": source.now().isoformat(), "daemon": daemon, "event": event, **fields}
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        sys.stdout.flush()

    return log


def leave_no_memory() -> None:
    """Keep this process' memory out of files and out of reach: no core dump, and on Linux no debugger of the same user.

    Credentials and clients' data are in it. `/proc/PID/environ` and `mem` are closed to the same user with it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_DUMPABLE, 0, 0, 0, 0)


def die_with_parent(parent: int | None = None) -> None:
    """Ask the kernel to end this process when the thread that started it ends (Linux).

    Args:
        parent: the pid that is expected as parent. It may have ended before the request was made, and then no
            signal ever comes: this process ends at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PDEATHSIG, signal.SIGTERM)
    if parent is not None and os.getppid() != parent:
        raise SystemExit(0)


def stop_event() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set; call from within the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait for `seconds`, or less when `stop` is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def watch_parent(stop: asyncio.Event, parent: int, every_s: float = 1.0) -> None:
    """Set `stop` when the parent process is gone; the portable half of :func:`die_with_parent`."""
    while not stop.is_set():
        if os.getppid() != parent:
            stop.set()
        await pause(stop, every_s)


@contextlib.asynccontextmanager
async def together(*tasks: Awaitable[None]) -> AsyncIterator[None]:
    """Run tasks beside the body and cancel them at its end."""
    running = [asyncio.ensure_future(t) for t in tasks]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
