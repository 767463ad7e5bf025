"""Masking of what leaves the reader: a client's addresses, numbers and names in events and in free text.

What is found (:mod:`~workstation.services.reading.finding`) is masked; ids, times, actions and outcomes are never
touched: a client may call himself "failure", and the analyst must still read what happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from operator import attrgetter

import msgspec

from workstation.services.accounts.masking import DOTS, masked
from workstation.services.accounts.model import Account, Risk
from workstation.services.reading.finding import Finder
from workstation.services.reading.records import Records, Seen
from workstation.services.timeline.event import Event

#: The texts of an event in which a client's data may stand.
TEXTS = (
    "native_action",
    "reason",
    "account_name",
    "actor",
    "actor_name",
    "city",
    "location",
    "as_org",
    "user_agent",
    "device",
    "session",
    "factor",
    "target",
    "risk",
)
#: What is left out of an event when nobody knows whose data to look for.
NAMED = ("reason", "account_name", "actor_name", "device", "user_agent", "target")
_COLUMNS = tuple(map(attrgetter, TEXTS))
_raw = attrgetter("raw")


class Masker:
    """Masks for one account.

    Args:
        account: whose data to look for; None where it could not be read: then no name can be recognised, and every text
            in which one may stand is left out, the raw record first.
    """

    def __init__(self, account: Account | None) -> None:
        self._known = account is not None
        self._finder = Finder(account)
        self._values: Seen[str] = Seen(self._finder.masked)
        self._records = Records(self._finder)

    def text(self, text: str) -> str:
        """Return `text` masked."""
        return self._finder.masked([text])[0] if text else text

    def account(self, account: Account) -> Account:
        """Return the account masked, its free texts too."""
        hidden = masked(account)
        return msgspec.structs.replace(
            hidden,
            locks=tuple(msgspec.structs.replace(x, reason=self.text(x.reason)) for x in hidden.locks),
            holds=tuple(msgspec.structs.replace(x, reason=self.text(x.reason)) for x in hidden.holds),
            factors=tuple(msgspec.structs.replace(x, label=self.text(x.label)) for x in hidden.factors),
            sessions=tuple(msgspec.structs.replace(x, device=self.text(x.device)) for x in hidden.sessions),
            standing=tuple(msgspec.structs.replace(x, label=self.text(x.label)) for x in hidden.standing),
        )

    def risk(self, risk: Risk) -> Risk:
        """Return the assessment with its sentences masked."""
        reasons = tuple(msgspec.structs.replace(r, text=self.text(r.text)) for r in risk.reasons)
        return msgspec.structs.replace(risk, reasons=reasons)

    def events(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Return the events masked; one that holds nothing of the kind is returned as it is.

        A masked event carries in `digest` the SHA-256 of the record that the source sent.
        """
        if not events:
            return ()
        if not self._known:
            return tuple(self._withheld(event) for event in events)
        texts = self._changes(events)
        raws = list(map(_raw, events))
        shown = self._records.shown(raws)
        if texts is None and shown is raws:
            return tuple(events)
        replaced = msgspec.structs.replace
        rows = zip(events, raws, shown, texts or repeat({}, len(raws)), strict=True)
        return tuple(
            [
                replaced(event, raw=now, digest=event.sha256, **changed) if changed or was != now else event
                for event, was, now, changed in rows
            ]
        )

    def _changes(self, events: Sequence[Event]) -> list[dict[str, str]] | None:
        """Return, event by event, the fields that are shown otherwise; None where there are none."""
        different = [set(map(value, events)) for value in _COLUMNS]
        hidden = self._values.hidden(set().union(*different))
        names = [name for name, values in zip(TEXTS, different, strict=True) if not values.isdisjoint(hidden)]
        if not names:
            return None
        rows = list(zip(*(map(attrgetter(name), events) for name in names), strict=True))
        # Few of them are different: who did it is the same in most.
        changes = {row: {n: hidden[v] for n, v in zip(names, row, strict=True) if v in hidden} for row in set(rows)}
        return [changes[row] for row in rows]

    def _withheld(self, event: Event) -> Event:
        hidden = {name: DOTS if name in NAMED else self.text(v) for name in TEXTS if (v := getattr(event, name))}
        return msgspec.structs.replace(event, **hidden, raw=b"", digest=event.sha256)
