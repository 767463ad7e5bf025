"""One item that fails must not stop the daemon's other work, nor fail in silence for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from workstation.services.clock import Clock
from workstation.services.daemon import Log

#: How often the same failing item is said again, in seconds.
AGAIN_S = 60.0
#: From when on it is no open transaction of somebody's, which the broker ends after a minute (ws.reap), in seconds.
STUCK_S = 120.0
#: Items that are remembered; more than these fail only when everything does.
MOST = 1000


class PuttingOff:
    """Lets one item fail without the others: it is tried again at the next look.

    A person's open transaction may hold its row, and what an account system says of it may be no text that the store
    can keep. Every item is said at once, then once a minute; after two minutes as ``stuck``, with what to do. The
    store says the same to people by its own clock (``wsd.stage``, ``wsd.tell_of_stuck``), whether this daemon lives or
    not.

    Args:
        clock: for how long an item fails.
        log: one line per event.
    """

    def __init__(self, clock: Clock, log: Log) -> None:
        self._clock = clock
        self._log = log
        self._failing: dict[tuple[str, str], tuple[float, float]] = {}

    @contextmanager
    def apart(self, what: str, which: object) -> Iterator[None]:
        """Run one item; an error of a lock or of its data ends here, any other goes on."""
        key = (what, str(which))
        try:
            yield
        except (psycopg.errors.LockNotAvailable, psycopg.DataError) as error:
            self._put_off(key, type(error).__name__)
        else:
            self._failing.pop(key, None)

    def _put_off(self, key: tuple[str, str], why: str) -> None:
        now = self._clock.monotonic()
        if key not in self._failing and len(self._failing) >= MOST:
            self._failing.clear()
        first, said = self._failing.get(key, (now, now - AGAIN_S))
        if now - said >= AGAIN_S:
            said = now
            event, do = (
                ("put_off", "") if now - first < STUCK_S else ("stuck", "Look at the account, then at the store.")
            )
            self._log(event, what=key[0], which=key[1], why=why, seconds=round(now - first), do=do)
        self._failing[key] = (first, said)
