"""What an investigation finds: claims against the log, marks that were judged, notes on events, kept queries."""

from __future__ import annotations

from datetime import datetime

import msgspec

#: What the log may say of a claim. ``open``: nobody looked yet.
CLAIM_VERDICTS = ("open", "supported", "contradicted", "cannot_know", "withdrawn")


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A statement of the client and what the log says of it; ``pins`` are the evidence that the verdict rests on.

    `mail` is the id of the mail in which he said it, None where he said it otherwise.
    """

    id: int
    said: str
    added_by: str
    added_at: datetime
    verdict: str = "open"
    why: str = ""
    mail: int | None = None
    judged_by: str = ""
    judged_at: datetime | None = None
    pins: tuple[int, ...] = ()


class EventNote(msgspec.Struct, frozen=True, kw_only=True):
    """A colleague's note on one event."""

    id: int
    source: str
    event_id: str
    text: str
    by: str
    at: datetime


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a rule was right about this account: ``right`` or ``wrong``."""

    rule: str
    verdict: str
    by: str
    at: datetime
    why: str = ""


class RuleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How often a rule was judged right and wrong, one judgement a case, over the last 180 days."""

    rule: str
    right: int
    wrong: int


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything found in a case so far."""

    claims: tuple[Claim, ...] = ()
    notes: tuple[EventNote, ...] = ()
    judgements: tuple[Judgement, ...] = ()


class KeptQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A query under a name. `kind` is the kind of case for which everybody sees it; empty: mine alone."""

    id: int
    name: str
    query: str
    by: str
    kind: str = ""
