"""How long nobody has been at the terminal. Nothing here knows Textual."""

from __future__ import annotations

from datetime import datetime

from workstation.services.clock import Clock

#: Seconds without a key after which the screen is hidden (NIST SP 800-63B-4: at most 15 minutes; PCI DSS 8.2.8: 15).
NORMAL_S = 600.0
#: The same in elevated mode, where an unattended terminal can do more.
ELEVATED_S = 120.0
#: Seconds after which whoever signed in signs in again, idle or not (NIST SP 800-63B-4, AAL3: 12 hours).
SESSION_S = 12 * 3600.0


class Idle:
    """Time since the last sign of life, and since the person signed in.

    Each is the larger of two readings: a monotonic clock stands still while the machine is suspended, and a wall
    clock can be set back.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen = self._signed_in = self._now()

    def _now(self) -> tuple[float, datetime]:
        return self._clock.monotonic(), self._clock.now()

    def _since(self, then: tuple[float, datetime]) -> float:
        monotonic, wall = self._now()
        return max(monotonic - then[0], (wall - then[1]).total_seconds())

    def seen(self) -> None:
        """Somebody is there."""
        self._seen = self._now()

    def signed_in(self) -> None:
        """Somebody has just proven who they are."""
        self._seen = self._signed_in = self._now()

    @property
    def seconds(self) -> float:
        """Seconds since somebody was there."""
        return self._since(self._seen)

    def over(self, elevated: bool) -> str:
        """Return why the terminal must be locked now, as a sentence; ``""`` where it need not be."""
        if self._since(self._signed_in) >= SESSION_S:
            return "You signed in twelve hours ago; sign in again."
        limit = ELEVATED_S if elevated else NORMAL_S
        if self.seconds < limit:
            return ""
        return f"Nobody was here for {limit / 60:g} minutes{' in elevated mode' if elevated else ''}."
