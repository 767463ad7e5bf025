"""Elevated mode as this terminal knows it. The database judges; this shows, and gives up what should not be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workstation.services.views import Elevation

if TYPE_CHECKING:
    from workstation.app import WorkstationApp

#: Seconds between two readings of elevated mode while it is on: this soon a screen shows that the person stepped up
#: on another terminal, which ends it here.
POLL_S = 5.0
#: Seconds by which two clocks may differ before the end of elevated mode is called early.
SLACK_S = 5.0
OFF = Elevation(on=False)


class ElevatedMode:
    """What is left of elevated mode, and in which case it is used.

    Args:
        host: the app.
    """

    def __init__(self, host: WorkstationApp) -> None:
        self._host = host
        self._now, self._at = OFF, 0.0
        self._case: int | None = None

    @property
    def on(self) -> bool:
        """Whether it is on, as far as this terminal knows."""
        return self._now.on and self.seconds > 0

    @property
    def seconds(self) -> float:
        """Seconds that are left."""
        return self._now.seconds_left - self._since

    @property
    def idle_s(self) -> float:
        """Seconds until it ends for want of use."""
        return self._now.idle_seconds_left - self._since

    @property
    def _since(self) -> float:
        return self._host.clock.monotonic() - self._at

    def show(self, elevation: Elevation) -> None:
        """Show another state on every screen."""
        self._now, self._at = elevation, self._host.clock.monotonic()
        if not elevation.on:
            self._host.armed = ""
        self._host.elevation_moved.publish(elevation.on)

    def ended(self) -> None:
        """Show that it is off."""
        self.show(OFF)

    async def poll(self) -> None:
        """Read it again; an end that came too early is told."""
        desk = self._host.desk
        if desk is None or not self._now.on:
            return
        early = min(self.seconds, self.idle_s) > SLACK_S
        now = await desk.elevation()
        if desk is not self._host.desk:
            return
        self.show(now)
        if early and not now.on:
            self._host.tell("Elevated mode ended: you stepped up on another terminal, or it was taken back.", "strong")

    def at_work_on(self, case: int) -> bool:
        """Take note of the case in hand; True when elevated mode was meant for another one and must end."""
        before, self._case = self._case, case
        return self.on and before is not None and before != case
