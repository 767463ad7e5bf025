"""The last wall before the terminal: no segment carries a control or a direction character.

Everything shown goes through :func:`~workstation.services.text.clean` first. This filter is for the
day on which somebody forgets: a log line that reaches a terminal raw can rename the window, write the
clipboard (OSC 52) or reorder what is read (CVE-2021-42574).
"""

from __future__ import annotations

import re
from functools import lru_cache

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

#: C0, DEL, C1, every Bidi_Control, and halves of surrogate pairs, which no driver can encode. U+200D stays: without
#: it an emoji of several people is wider than the layout believes, and the joiner neither hides nor reorders text.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: What stands in their place. Of the width that the layout has counted: C0 and C1 count as nothing,
#: so a visible sign here would push the rest of the line over the edge; it is rare enough to accept.
SIGN = "�"


@lru_cache(4096)
def harmless(text: str) -> str:
    """Return `text` with every control and direction character replaced by U+FFFD."""
    return _UNSAFE.sub(SIGN, text)


class HarmlessLines(LineFilter):
    """Replaces what a terminal would obey instead of show."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return `segments` with harmless text; those without an unsafe character are the same objects."""
        if not any(_UNSAFE.search(segment.text) for segment in segments):
            return segments
        return [
            Segment(harmless(text), style, control) if control is None and _UNSAFE.search(text) else segment
            for segment in segments
            for text, style, control in (segment,)
        ]
