"""Broken glass as this terminal knows it: thirty minutes, one case, an incident, and everybody is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workstation.services.views import BreakGlass

if TYPE_CHECKING:
    from workstation.app import WorkstationApp

WHOLE = BreakGlass(on=False)


class Glass:
    """What the store said of my broken glass, counted down since.

    Args:
        host: the app.
    """

    def __init__(self, host: WorkstationApp) -> None:
        self._host = host
        self.state, self._at = WHOLE, 0.0

    @property
    def seconds(self) -> float:
        """Seconds that are left."""
        return self.state.seconds_left - (self._host.clock.monotonic() - self._at)

    @property
    def on(self) -> bool:
        """Whether it is broken now."""
        return self.state.on and self.seconds > 0

    def show(self, state: BreakGlass) -> None:
        """Show another state on every screen."""
        self.state, self._at = state, self._host.clock.monotonic()
        self._host.elevation_moved.publish(self._host.elevated)

    async def read(self) -> None:
        """Read it; only analysts can break it."""
        desk = self._host.desk
        if desk is not None and desk.person.role == "analyst":
            state = await desk.break_glass_state()
            if desk is self._host.desk:
                self.show(state)
        elif self.state is not WHOLE:
            self.show(WHOLE)
