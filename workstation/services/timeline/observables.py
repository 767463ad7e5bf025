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
#: In which order values are asked about by what the labels say of them; 1 is what no label says anything of.
_FIRST = {"intruder": 0, "owner": 2}


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
        values, masked, older = _values(frame, field, verdicts)
        found += values
        if masked:
            unasked.append(f"{masked} values of {field} are masked here and were not asked about.")
        if older:
            unasked.append(f"{older} older values of {field} were not asked about.")
    return tuple(found), tuple(unasked)


def _values(frame: Snapshot, field: str, verdicts: dict[str, Mask]) -> tuple[list[Observed], int, int]:
    """Return the values of a field that are asked about, how many are masked, and how many more there are."""
    codes, texts = frame.codes(field), frame.values(field)
    rows = _rows(frame, field)
    order = frame.order()
    order = order[rows[order]]
    chosen, times = codes[order], frame.times()[order]
    counts = np.bincount(chosen, minlength=1)
    first, last = np.zeros(len(counts), np.int64), np.zeros(len(counts), np.int64)
    # Newest first: of several, what is written last is the oldest.
    first[chosen], last[chosen[::-1]] = times, times[::-1]
    whose = np.ones(len(counts), np.int8)
    for verdict in ("owner", "intruder"):
        if verdict in verdicts:
            whose[np.unique(codes[rows & verdicts[verdict]])] = _FIRST[verdict]
    some = np.flatnonzero(counts)
    clear = some[~texts.containing(DOTS)[some]]
    asked = clear[np.lexsort((clear, -last[clear], whose[clear]))][:VALUES_MAX]
    words = {number: word for word, number in _FIRST.items()}
    found = [
        Observed(
            field=field,
            value=texts[code],
            first_us=int(first[code]),
            last_us=int(last[code]),
            events=int(counts[code]),
            whose=words.get(int(whose[code]), ""),
        )
        for code in asked.tolist()
    ]
    return found, len(some) - len(clear), len(clear) - len(asked)


def _rows(frame: Snapshot, field: str) -> Mask:
    """Return which events have a value of a field that others may have too."""
    rows: Mask = frame.codes(field) > 0
    if field == "target.id":
        actions = frame.values("event.action")
        paid = actions.where(lambda action: kinds.kind_of(action) in _TO_ADDRESSES)
        rows = rows & rows_where(frame.codes("event.action"), paid)
    return rows
