"""What coded detectors share: how a place is told in a sentence, and a finding made of places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from workstation.services.timeline.marks.lens import Lens
from workstation.services.timeline.marks.model import ROWS, About, Fact, Finding, told
from workstation.services.timeline.marks.programs import program_of


def finding(
    about: About,
    lens: Lens,
    places: Iterable[int],
    *,
    why: str,
    severity: str = "",
    facts: Sequence[Fact] = (),
    innocent: str = "",
) -> Finding:
    """Return a finding of these places, in any order; severity and innocence are the rule's where none is given."""
    where = np.unique(np.fromiter(places, np.int64))
    shown = where if len(where) <= ROWS else np.concatenate((where[: ROWS // 2], where[-ROWS // 2 :]))
    return Finding(
        rule=about.id,
        title=about.title,
        severity=severity or about.severity,
        why=why,
        innocent=innocent or about.innocent,
        rows=tuple(lens.order[shown].tolist()),
        count=len(where),
        first_us=int(lens.times[where[0]]),
        at_us=int(lens.times[where[-1]]),
        facts=tuple(facts),
    )


def origin(lens: Lens, place: int) -> str:
    """Return from what and where an event came, as far as it says: ``macos safari, 198.18.3.4, Lisbon PT, Tejo``."""
    program = lens.text(place, "user_agent.original")
    city, country = lens.text(place, "source.geo.city_name"), lens.text(place, "source.geo.country_iso_code")
    parts = [
        told(lens.text(place, "device.id")),
        told(program_of(program)) if program else "",
        told(lens.text(place, "source.ip")),
        told(f"{city} {country}".strip()),
        told(lens.text(place, "source.as.organization.name") or lens.text(place, "source.as.number")),
    ]
    return ", ".join(filter(None, parts)) or "an origin that the log does not tell"


def past_said(lens: Lens, at_us: int) -> str:
    """Return how long the past is against which something is new."""
    days, seen = lens.past.days_before(at_us)
    return f"in {max(days, seen)} days ({seen} of them with activity)"
