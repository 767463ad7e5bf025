"""What an intruder made or changed: from the labels and the log, in one pass over the columns.

Whether it still stands is another question, to the account system: :mod:`workstation.services.accounts.left`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from workstation.services.timeline.marks import kinds
from workstation.services.timeline.sifting import labelled
from workstation.services.timeline.working.columns import Snapshot
from workstation.services.timeline.working.frame import Check, Mask, never
from workstation.services.timeline.working.lookup import rows_where
from workstation.services.views import Label, Made, MadeKind, Traces

#: Things of one account that are listed; of more, the newest.
MOST = 300
#: What a detector's kind of action makes.
_MAKES: dict[kinds.Kind, MadeKind] = {
    kinds.Kind.SIGN_IN: MadeKind.SESSION,
    kinds.Kind.RESUMED: MadeKind.SESSION,
    kinds.Kind.FACTOR_ON: MadeKind.FACTOR,
    kinds.Kind.FACTOR_CHANGED: MadeKind.FACTOR,
    kinds.Kind.CODES: MadeKind.FACTOR,
    kinds.Kind.FACTOR_OFF: MadeKind.FACTOR_OFF,
    kinds.Kind.PASSWORD: MadeKind.PASSWORD,
    kinds.Kind.RESET: MadeKind.PASSWORD,
    kinds.Kind.CONTACT: MadeKind.CONTACT,
    kinds.Kind.FORWARDING: MadeKind.MAIL_RULE,
    kinds.Kind.ADDRESS: MadeKind.WITHDRAWAL_ADDRESS,
    kinds.Kind.KEY: MadeKind.API_KEY,
    kinds.Kind.LINKED: MadeKind.ACCESS,
    kinds.Kind.GRANTED: MadeKind.ACCESS,
}
#: Words of ours (``mapping/words.py``) that no detector asks for.
_FURTHER = {
    "api_key.changed": MadeKind.API_KEY,
    "mail_rule.changed": MadeKind.MAIL_RULE,
    "mailbox.shared": MadeKind.MAIL_RULE,
    "device.added": MadeKind.TRUSTED_DEVICE,
}
_ORDER = tuple(MadeKind)
_NUMBER = {kind: number for number, kind in enumerate(_ORDER, 1)}
_SESSION, _PASSWORD, _CONTACT = (_NUMBER[k] for k in (MadeKind.SESSION, MadeKind.PASSWORD, MadeKind.CONTACT))
_FACTORS = (_NUMBER[MadeKind.FACTOR], _NUMBER[MadeKind.FACTOR_OFF])
_ACTION, _OUTCOME, _TARGET = "event.action", "event.outcome", "target.id"
_SESSION_ID, _FACTOR_KIND = "session.id", "authentication.factor"
Numbers = npt.NDArray[np.int64]


def makes(action: str) -> MadeKind | None:
    """Return what an action makes or changes; None for one that leaves nothing behind."""
    return _FURTHER.get(action) or _MAKES.get(kinds.kind_of(action))


def changes(frame: Snapshot) -> tuple[str, ...]:
    """Return the actions of these events that change something, sessions aside, as their sources call them."""
    values, codes = frame.values(_ACTION), frame.codes(_ACTION)
    here = (values[code] for code in np.unique(codes).tolist() if code)
    return tuple(action for action in here if makes(action) not in (None, MadeKind.SESSION))


def traces(frame: Snapshot, labels: Sequence[Label], since_us: int, check: Check = never) -> Traces:
    """Return what was made by whoever the labels call the intruder, and how much nobody labelled yet.

    An event is his where its device, network or session is labelled so; where another label calls it the owner's, it
    is his all the same, and says so. What failed made nothing. What has any label is not counted as unlabelled.

    Args:
        frame: the events.
        labels: of the case.
        since_us: when the trouble began, microseconds since the epoch.
        check: asked between steps.
    """
    kind = _kinds(frame)
    check()
    kind[rows_where(frame.codes(_OUTCOME), frame.values(_OUTCOME).equal("failure"))] = 0
    verdicts = labelled(frame, labels)
    nothing = np.zeros(len(frame), np.bool_)
    his, owners = verdicts.get("intruder", nothing), verdicts.get("owner", nothing)
    check()
    open_ = (kind > 0) & (kind != _SESSION)
    for mask in verdicts.values():
        open_ &= ~mask
    return Traces(
        made=_things(frame, kind, np.flatnonzero(his & (kind > 0)), owners),
        unlabelled=int(open_.sum()),
        unlabelled_since=int((open_ & (frame.times() >= since_us)).sum()),
        intruder=int(his.sum()),
    )


def _kinds(frame: Snapshot) -> npt.NDArray[np.int8]:
    """Return the number of what each event makes, 0 for nothing."""
    values, codes = frame.values(_ACTION), frame.codes(_ACTION)
    table = np.zeros(int(codes.max(initial=0)) + 1, np.int8)
    for code in range(1, len(table)):
        made = makes(values[code])
        table[code] = _NUMBER[made] if made is not None else 0
    return table[codes]


def _things(frame: Snapshot, kind: npt.NDArray[np.int8], rows: Numbers, owners: Mask) -> tuple[Made, ...]:
    """Return one thing for all events about it, oldest first."""
    if not len(rows):
        return ()
    rows = rows[np.argsort(frame.times()[rows], kind="stable")]
    of, names = kind[rows], _names(frame, rows, kind[rows])
    # Negative names stand for what has none of its own; both halves fit into 64 bits side by side.
    both = of.astype(np.int64) * (1 << 40) + (names + (1 << 39))
    _, first, which = np.unique(both, return_index=True, return_inverse=True)
    last = np.zeros(len(first), np.int64)
    last[which] = np.arange(len(rows))
    counts = np.bincount(which)
    mixed = np.bincount(which, weights=owners[rows]) > 0
    sure = np.bincount(which, weights=_succeeded(frame)[rows]) > 0
    newest = np.argsort(last)[-MOST:]
    found = [
        _thing(
            frame, of, rows, int(first[n]), int(last[n]), count=int(counts[n]), mixed=bool(mixed[n]), sure=bool(sure[n])
        )
        for n in newest.tolist()
    ]
    return tuple(sorted(found, key=lambda one: (one.at_us, one.row)))


def _names(frame: Snapshot, rows: Numbers, of: npt.NDArray[np.int8]) -> Numbers:
    """Return a number for the thing that each event is about: a session, what it names, else its sort."""
    target, session, factor, action = (
        frame.codes(field)[rows].astype(np.int64) for field in (_TARGET, _SESSION_ID, _FACTOR_KIND, _ACTION)
    )
    sort = np.where(np.isin(of, _FACTORS), -1 - factor, -1 - action)
    names = np.where(target > 0, target, sort)
    names = np.where(of == _SESSION, session, names)
    # One address of a kind, one password: what was set last is what counts.
    return np.where(of == _PASSWORD, -1, np.where(of == _CONTACT, -1 - action, names))


def _succeeded(frame: Snapshot) -> Mask:
    return rows_where(frame.codes(_OUTCOME), frame.values(_OUTCOME).equal("success"))


def _thing(
    frame: Snapshot,
    of: npt.NDArray[np.int8],
    rows: Numbers,
    first: int,
    last: int,
    *,
    count: int,
    mixed: bool,
    sure: bool,
) -> Made:
    row = int(rows[first])
    event, end = frame.peek(row), frame.peek(int(rows[last]))
    kind = _ORDER[int(of[first]) - 1]
    where = " ".join(part for part in (event.country, event.asn or event.ip, event.device) if part)
    detail = {
        MadeKind.SESSION: where,
        MadeKind.FACTOR: event.factor,
        MadeKind.FACTOR_OFF: event.factor,
        MadeKind.CONTACT: next((word for word in ("email", "phone") if event.action.startswith(word)), ""),
    }
    return Made(
        kind=kind,
        action=end.action,
        target=event.session if kind is MadeKind.SESSION else end.target,
        at_us=event.time_us,
        source=event.source,
        event_id=event.id,
        row=row,
        detail=detail.get(kind, ""),
        last_us=end.time_us,
        count=count,
        sure=sure,
        mixed=mixed,
    )
