"""What lies behind a dialog, dimmed: each style once. Textual works the colours of every piece of every line out."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.renderables.background_screen import BackgroundScreen


class Dimmed(BackgroundScreen):
    """The screen behind, as Textual dims it."""

    @classmethod
    def process_segments(cls, segments: Iterable[Segment], color: Color) -> Iterable[Segment]:
        """Return the segments in their dimmed styles."""
        return [
            segment if segment.control else Segment(segment.text, _dimmed(segment.style, color)) for segment in segments
        ]


@lru_cache(4_096)
def _dimmed(style: Style | None, color: Color) -> Style | None:
    (segment,) = BackgroundScreen.process_segments([Segment(" ", style)], color)
    return segment.style
