"""A clock of a machine that can be suspended."""

from __future__ import annotations

from datetime import timedelta

from workstation.services.clock import FrozenClock


class Lid(FrozenClock):
    """Its monotonic reading stands still while it is suspended."""

    def suspend(self, by: timedelta) -> None:
        """Let the wall clock alone go on; a negative span sets it back."""
        self._at += by
