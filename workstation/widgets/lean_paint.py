"""Paints only what is seen: Textual 8.2.8 draws every box and screen behind what lies over it, for every paint.

A frame is put together of *chops*, the pieces of each line between the edges of widgets, from the front to the back.
What fills a chop first is seen there. Here a widget draws the lines in which it is needed for a chop that is painted
and that nothing before it has filled; a widget that is not, such as a box behind a list, draws none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import cast

from textual._compositor import Compositor
from textual.geometry import Region
from textual.strip import Strip

#: A line's pieces: where each begins, and what is seen there.
Chops = dict[int, Strip | None]
#: Textual's own way to put a frame together; None where it has another one.
TEXTUALS = vars(Compositor).get("_render_chops")


def lean_paint() -> bool:
    """Let every screen draw so; False where Textual puts its frames together otherwise, and is left alone."""
    code = getattr(TEXTUALS, "__code__", None)
    if code is None or code.co_varnames[: code.co_argcount] != ("self", "crop", "is_rendered_line"):
        return False
    Compositor._render_chops = _render_chops  # type: ignore[method-assign]
    return True


def _render_chops(
    self: Compositor, crop: Region, is_rendered_line: Callable[[int], bool]
) -> Sequence[Mapping[int, Strip]]:
    cuts = self.cuts
    chops: list[Chops] = [dict.fromkeys(cut[:-1]) for cut in cuts]
    #: The pieces of each line that are painted and nothing has filled yet.
    empty: dict[int, list[int]] = {}
    for y in crop.line_range:
        if is_rendered_line(y):
            line = cuts[y]
            empty[y] = [x for x, end in pairwise(line) if x < crop.right and end > crop.x]
    for widget, (region, clip) in self.visible_widgets.items():
        if not empty:
            break
        seen = region.intersection(clip)
        if not seen:
            continue
        first, last = seen.column_span
        needed = [y for y in seen.line_range if y in empty and any(first <= x < last for x in empty[y])]
        if not needed:
            continue
        top, height = needed[0], needed[-1] + 1 - needed[0]
        strips = widget.render_lines(Region(seen.x - region.x, top - region.y, seen.width, height))
        for y in (y for y in needed if y - top < len(strips)):  # fewer lines than room are allowed
            _fill(chops[y], empty, y, strips[y - top], cuts[y], seen)
    return cast("Sequence[Mapping[int, Strip]]", chops)


def _fill(chops: Chops, empty: dict[int, list[int]], y: int, strip: Strip, cuts: list[int], seen: Region) -> None:
    """Put a widget's line into the pieces where nothing lies over it."""
    first, last = seen.column_span
    within = [cut for cut in cuts if first <= cut <= last]
    for x, piece in zip(within, strip.divide([cut - seen.x for cut in within[1:]]), strict=False):
        if chops[x] is None:
            chops[x] = piece
    left = [x for x in empty[y] if chops[x] is None]
    if left:
        empty[y] = left
    else:
        del empty[y]
