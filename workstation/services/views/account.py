"""An account and its timeline."""

from __future__ import annotations

from datetime import datetime

import msgspec

from workstation.services.accounts.model import Account, Contact, Risk
from workstation.services.timeline.source import SourceState
from workstation.services.views.cases import CaseRow, Label, Note, Pin, Procedure


class SourceLine(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one source, for the line under the timeline.

    ``percent`` is how much of the time was read so far, None where nobody can say; ``failed_at`` is since when it
    gives no answer.
    """

    name: str
    state: SourceState
    events: int = 0
    why: str = ""
    percent: int | None = None
    failed_at: datetime | None = None


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of a rule over events. `severity`: low, medium, or high (an alarm that would hold up a withdrawal).

    `why` says what was found, `innocent` what would explain it harmlessly, `events` the ids that caused it and `rows`
    their numbers in the working set. `facts` explain it part by part. `key` names it however often it is found again.
    """

    rule: str
    title: str
    severity: str
    why: str
    innocent: str
    events: tuple[str, ...]
    rows: tuple[int, ...] = ()
    facts: tuple[str, ...] = ()
    key: str = ""


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about the account but its events. Contacts are masked here already."""

    case: CaseRow | None
    account: Account
    risk: Risk | None
    risk_problem: str
    reply_to: Contact | None
    reply_to_masked: str
    trouble_since: datetime
    pins: tuple[Pin, ...] = ()
    labels: tuple[Label, ...] = ()
    notes: tuple[Note, ...] = ()
    procedure: Procedure | None = None
    account_problem: str = ""
    #: When the right to look ends by itself: set for a typed reason; a case may be looked at while it is held.
    view_until: datetime | None = None
