"""Paints a question and its answer in one frame, where the answer comes at once."""

from __future__ import annotations

from contextlib import ExitStack

from textual.timer import Timer
from textual.widget import Widget

#: Seconds that a question waits for its answer, at most, before it is painted by itself: too short to be seen as
#: waiting, and longer than most answers about a million events take.
HOLD_S = 0.03


class Together:
    """Holds the screen's frames from a question until its answer.

    A query that is asked closes its line, brings a chip and moves the rows: laid out and painted each by itself, the
    rows, which are what was asked for, would come last.

    Args:
        widget: that asks.
    """

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._held = ExitStack()
        self._end: Timer | None = None

    @property
    def holding(self) -> bool:
        """Whether an answer is waited for."""
        return self._end is not None

    def asked(self) -> None:
        """Hold the frames; what was asked before and not answered goes on holding them for as long as it did."""
        if self._end is None and self._widget.is_mounted and self._widget.screen.is_current:
            self._held.enter_context(self._widget.app.batch_update())
            self._end = self._widget.set_timer(HOLD_S, self._paint)

    def answered(self) -> None:
        """Paint what there is now, with what the screen has heard of by then."""
        self._widget.screen.call_later(self._paint)

    def _paint(self) -> None:
        if self._end is not None:
            self._end.stop()
            self._end = None
            self._held.close()
            self._widget.screen.check_idle()
