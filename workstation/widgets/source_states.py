"""How the sources of a timeline stand, in signs and words."""

from __future__ import annotations

from collections.abc import Sequence

from workstation.services.timeline.source import SourceState
from workstation.services.views import SourceLine
from workstation.widgets.prose import Part

#: The sign and the tone of each state.
SIGNS: dict[SourceState, tuple[str, str]] = {
    SourceState.LOADING: ("…", "quiet"),
    SourceState.LIVE: ("●", "accent"),
    SourceState.PARTIAL: ("◐", "strong"),
    SourceState.FAILED: ("✗", "strong"),
}


def source_parts(sources: Sequence[SourceLine]) -> list[Part]:
    """Return the line that says how every source stands."""
    parts: list[Part] = []
    for source in sources:
        sign, tone = SIGNS[source.state]
        parts += [(f"{sign} ", tone), source.name, (f" {source.events:,}", "quiet"), (f"{state_word(source)}   ", tone)]
    return parts or [("no source yet", "quiet")]


def state_word(source: SourceLine) -> str:
    """Return what is to be said of a source beside its count; nothing where it is well."""
    if source.state is SourceState.LIVE:
        return ""
    said = f" {source.state}"
    if source.percent is not None:
        said += f" {source.percent} %"
    if source.failed_at is not None:
        said += f" since {source.failed_at:%H:%MZ}"
    return said + (f": {source.why}" if source.why else "")
