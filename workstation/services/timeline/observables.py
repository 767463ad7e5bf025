"""The values of an account's own events that other accounts may have too: devices, addresses, networks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workstation.services.accounts.masking import DOTS
from workstation.services.timeline.marks import kinds
from workstation.services.timeline.related import STRENGTH, VALUES_MAX
from workstation.services.timeline.sifting import labelled
from workstation.services.timeline.working.columns import Snapshot
from workstation.services.timeline.working.frame import Check, Mask, never
from workstation.services.timeline.working.lookup import rows_where
from workstation.services.views import Label, Observed

#: Only here is a target a withdrawal address; elsewhere it is a factor, a hold, a file.
_TO_ADDRESSES = (kinds.Kind.ADDRESS, kinds.Kind.WITHDRAWAL, kinds.Kind.PAID)


def observables(
    frame: Snapshot, labels: Sequence[Label], check: Check = never
) -> tuple[tuple[Observed, ...], tuple[str, ...]]:
    """Return the values to ask about, and in sentences what is left out.

    Of each field at most :data:`~workstation.services.timeline.related.VALUES_MAX`: the intruder's first, the owner's
    last, of each the newest. Values that the reader masked are not asked about: nobody here knows them.

    Args:
        frame: the events.
        labels: of the case.
        check: asked between steps.
    """
    verdicts = labelled(frame, labels)
    found: list[Observed] = []
    unasked: list[str] = []
    for field in STRENGTH:
        check()
        of_field = _values(frame, field, verdicts)
        clear = [one for one in of_field if DOTS not in one.value]
        if len(clear) < len(of_field):
            unasked.append(f"{len(of_field) - len(clear)} values of {field} are masked here and were not asked about.")
        clear.sort(key=lambda one: ({"intruder": 0, "owner": 2}.get(one.whose, 1), -one.last_us, one.value))
        if len(clear) > VALUES_MAX:
            unasked.append(f"{len(clear) - VALUES_MAX} older values of {field} were not asked about.")
        found += clear[:VALUES_MAX]
    return tuple(found), tuple(unasked)


def _values(frame: Snapshot, field: str, verdicts: dict[str, Mask]) -> list[Observed]:
    codes = frame.codes(field)
    rows = codes > 0
    if field == "target.id":
        actions = frame.values("event.action")
        rows = rows & rows_where(
            frame.codes("event.action"), actions.where(lambda action: kinds.kind_of(action) in _TO_ADDRESSES)
        )
    order = frame.order()
    order = order[rows[order]]
    chosen, times = codes[order], frame.times()[order]
    counts = np.bincount(chosen, minlength=1)
    first, last = np.zeros(len(counts), np.int64), np.zeros(len(counts), np.int64)
    # Newest first: of several, what is written last is the oldest.
    first[chosen], last[chosen[::-1]] = times, times[::-1]
    whose = {verdict: set(np.unique(codes[rows & mask]).tolist()) for verdict, mask in verdicts.items()}
    texts = frame.values(field)
    return [
        Observed(
            field=field,
            value=texts[code],
            first_us=int(first[code]),
            last_us=int(last[code]),
            events=int(counts[code]),
            whose=next((word for word in ("intruder", "owner") if code in whose.get(word, ())), ""),
        )
        for code in np.flatnonzero(counts).tolist()
    ]
