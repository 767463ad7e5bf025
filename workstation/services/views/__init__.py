"""What the screens are given: rows and pages, already decided by the services, still unclean.

Text fields that came from clients or outside systems are Untrusted: a widget shows them through
``clean()`` only. Ids are record ids, never positions. Times are aware UTC datetimes.
"""

from __future__ import annotations

from workstation.services.views.account import AccountView, Mark, SourceLine
from workstation.services.views.acts import (
    REASON_CODES,
    BreakGlass,
    Elevation,
    Option,
    Policy,
    Proof,
    ProofNeed,
    Request,
    StepUpMethod,
    WhyNot,
)
from workstation.services.views.cases import (
    CaseRow,
    Label,
    MailMessage,
    Note,
    Person,
    Pin,
    Procedure,
    QueueView,
    Step,
    Template,
)
from workstation.services.views.findings import (
    CLAIM_VERDICTS,
    Claim,
    EventNote,
    Findings,
    Judgement,
    KeptQuery,
    RuleRecord,
)
from workstation.services.views.oversight import Alert, AuditRow, Look, Reveal
from workstation.services.views.packets import (
    Difference,
    EscalationRow,
    EscalationView,
    Fact,
    Packet,
    Verdict,
)
from workstation.services.views.people import Change, Grant, Member, Remark, Review
from workstation.services.views.story import (
    Common,
    Left,
    LeftStanding,
    Made,
    MadeKind,
    Observed,
    Related,
    RelatedAccount,
    Still,
    Tie,
    Traces,
)

__all__ = [
    "CLAIM_VERDICTS",
    "REASON_CODES",
    "AccountView",
    "Alert",
    "AuditRow",
    "BreakGlass",
    "CaseRow",
    "Change",
    "Claim",
    "Common",
    "Difference",
    "Elevation",
    "EscalationRow",
    "EscalationView",
    "EventNote",
    "Fact",
    "Findings",
    "Grant",
    "Judgement",
    "KeptQuery",
    "Label",
    "Left",
    "LeftStanding",
    "Look",
    "Made",
    "MadeKind",
    "MailMessage",
    "Mark",
    "Member",
    "Note",
    "Observed",
    "Option",
    "Packet",
    "Person",
    "Pin",
    "Policy",
    "Procedure",
    "Proof",
    "ProofNeed",
    "QueueView",
    "Related",
    "RelatedAccount",
    "Remark",
    "Request",
    "Reveal",
    "Review",
    "RuleRecord",
    "SourceLine",
    "Step",
    "StepUpMethod",
    "Still",
    "Template",
    "Tie",
    "Traces",
    "Verdict",
    "WhyNot",
]
