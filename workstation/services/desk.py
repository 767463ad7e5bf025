"""The desk: everything that a signed-in analyst can do, as the screens call it.

Wiring only. Each method is one question or one deed; the rules are the database's and the services'.
All methods are coroutines that may be called from the UI loop: nothing in them blocks. Every one may
raise :class:`~workstation.services.errors.WorkstationError`, whose ``sentence()`` is for the person.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from workstation.services.timeline.event import Event
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.source import ALL, Span
from workstation.services.views import (
    AccountView,
    Alert,
    AuditRow,
    BreakGlass,
    CaseRow,
    Change,
    Claim,
    Elevation,
    EscalationRow,
    EscalationView,
    EventNote,
    Findings,
    Judgement,
    KeptQuery,
    Label,
    LeftStanding,
    Look,
    Made,
    MailMessage,
    Member,
    Note,
    Observed,
    Option,
    Packet,
    Person,
    Pin,
    Policy,
    Procedure,
    Proof,
    QueueView,
    Related,
    Remark,
    Request,
    Review,
    RuleRecord,
    StepUpMethod,
    Template,
)

if TYPE_CHECKING:
    from workstation.services.timeline.loading.timeline import Timeline


class Desk(Protocol):
    """What the screens hold. ``workbench.Workbench`` is the real one."""

    @property
    def person(self) -> Person:
        """Who is signed in."""
        ...

    @property
    def column_sets(self) -> Mapping[str, tuple[str, ...]]:
        """The team's own column sets of the timeline by name: ECS fields."""
        ...

    # -- queue -----------------------------------------------------------------------------------
    async def queue(self) -> QueueView:
        """Return the order of the cases that I may see, as of now."""
        ...

    async def case_rows(self, ids: tuple[int, ...]) -> tuple[CaseRow, ...]:
        """Return the rows of `ids` in that order, without those that are gone or not mine to see."""
        ...

    async def arrivals(self, since: QueueView) -> int:
        """Return how many cases there are now that `since` does not list."""
        ...

    async def claim_next(self) -> CaseRow | None:
        """Take the top case that I am entitled to, with a lease; None when there is none."""
        ...

    async def claim(self, case: int, steal_reason: str = "") -> CaseRow:
        """Take this case; a live lease of somebody else is taken over only with a reason (20 characters)."""
        ...

    async def heartbeat(self, case: int) -> datetime:
        """Renew my lease and return until when it now runs. Raises Refused when I lost it."""
        ...

    async def release(self, case: int) -> None:
        """Give the case back to the queue."""
        ...

    async def snooze(self, case: int, until: datetime, reason: str) -> None:
        """Put the case aside until then; it comes back with its reason."""
        ...

    async def close(self, case: int, outcome: str) -> None:
        """Close the case with an outcome (a sentence)."""
        ...

    # -- account ---------------------------------------------------------------------------------
    async def open_case(self, case: int) -> AccountView:
        """Open the case's account. Audited as a read."""
        ...

    async def refresh_case(self, case: int) -> AccountView:
        """Read an opened case again, after something changed; it is the same look, not another one."""
        ...

    async def open_account(self, account: str, reason: str) -> AccountView:
        """Open an account without a case, for a typed reason that a lead sees. Audited."""
        ...

    async def find_accounts(self, text: str) -> tuple[str, ...]:
        """Return ids of accounts that `text` names exactly (id, e-mail, user name)."""
        ...

    async def timeline(self, account: str, span: Span | None = None, query: Query = ALL.query) -> Timeline:
        """Open the timeline of an account that was opened; it fills by itself, and whoever opened it closes it.

        With a `query` the stores are asked for what it keeps, as far back as its times go.
        """
        ...

    async def findings(self, case: int) -> Findings:
        """Return claims, notes on events and judged marks of an opened case."""
        ...

    async def add_claim(self, case: int, said: str, mail: int | None = None) -> Claim:
        """Write down what the client says (3 to 500 characters), and in which mail."""
        ...

    async def judge_claim(self, claim: int, verdict: str, pins: Sequence[int] = (), why: str = "") -> Claim:
        """Say what the log says of a claim; supported and contradicted rest on pins."""
        ...

    async def judge_mark(
        self, case: int, rule: str, rulebook: bytes, right: bool, why: str = "", events: Sequence[str] = ()
    ) -> Judgement:
        """Say whether a rule was right about this account; wrong needs a reason."""
        ...

    async def rule_records(self) -> tuple[RuleRecord, ...]:
        """Return how often each rule was judged right and wrong, over all cases."""
        ...

    async def note_event(self, case: int, source: str, event: str, text: str) -> EventNote:
        """Write a note on one event."""
        ...

    async def kept_queries(self, kind: str = "") -> tuple[KeptQuery, ...]:
        """Return my queries, and before them those for this kind of case."""
        ...

    async def keep_query(self, name: str, query: str, kind: str = "") -> KeptQuery:
        """Keep a query under a name; with a `kind` for everybody who works such cases."""
        ...

    async def drop_query(self, kept: int) -> KeptQuery:
        """Forget a query; return it, so that it can be kept again."""
        ...

    async def left_standing(self, account: str, made: Sequence[Made]) -> LeftStanding:
        """Read an account that was opened now, and say of each thing whether it still stands: live, gone, unknown."""
        ...

    async def related(self, account: str, observed: Sequence[Observed]) -> Related:
        """Ask which other accounts have these values of an account that was opened. On record, and counts as a view."""
        ...

    async def reveal(self, case: int, field: str, reason: str) -> str:
        """Return one masked field (``email``, ``phone``, ``name``) for a reason. Audited."""
        ...

    async def pin(self, case: int, event: Event) -> Pin:
        """Keep the event as evidence with its raw bytes."""
        ...

    async def record_proof(self, case: int, proof_class: str, pin: int, note: str) -> Proof:
        """Record that a pin proves the client (``proofing``, ``possession``, ``callback``); a note of 10 characters.

        Raises Refused: not my case, no such pin, or the pin stands for another class already.
        """
        ...

    async def label(self, case: int, kind: str, value: str, verdict: str) -> Label:
        """Say whose a ``device``, ``network`` or ``session`` is: owner, intruder or unknown."""
        ...

    async def note(self, case: int, text: str) -> Note:
        """Add a note."""
        ...

    async def tick(self, case: int, step: str, pin: int | None = None) -> Procedure:
        """Mark a step as done; a step that needs a pin is refused without one."""
        ...

    # -- mail ------------------------------------------------------------------------------------
    async def thread(self, case: int) -> tuple[MailMessage, ...]:
        """Return the mails of the case, oldest first."""
        ...

    async def templates(self, case: int) -> tuple[Template, ...]:
        """Return the templates for the case in the client's language, holes filled where known."""
        ...

    async def check_mail(self, case: int, subject: str, body: str) -> tuple[str, ...]:
        """Return what keeps this text from being sent, in sentences; empty when nothing does."""
        ...

    async def send_mail(self, case: int, subject: str, body: str, template: str = "") -> MailMessage:
        """Queue a mail to the address on record; the recipient is frozen now. Raises Refused with the linter's word."""
        ...

    async def recall_mail(self, mail: int) -> bool:
        """Take a queued mail back; False when it is already on its way."""
        ...

    async def save_draft(self, case: int, kind: str, text: str) -> None:
        """Journal what is being typed (kind: mail, note, packet). Encrypted, on the local disk first."""
        ...

    async def draft(self, case: int, kind: str) -> str:
        """Return the journalled draft, or an empty string."""
        ...

    # -- packet and escalation -------------------------------------------------------------------
    async def packet(self, case: int) -> Packet:
        """Return the packet of the case with what is missing."""
        ...

    async def save_packet(self, case: int, packet: Packet) -> Packet:
        """Save finding, verdict, act, params and wants; return it with what is missing now."""
        ...

    async def forward(self, case: int) -> Packet:
        """Stamp the packet with the facts as they stand and hand the case up. Raises Refused naming what is missing."""
        ...

    async def ask_guidance(self, case: int, question: str) -> None:
        """Put a question to the seniors; the case stays mine."""
        ...

    async def escalations(self) -> tuple[EscalationRow, ...]:
        """Return what waits for my level: packets, and requests that I may approve."""
        ...

    async def open_escalation(self, case: int) -> EscalationView:
        """Open a packet: the sources are read again and the difference comes first. Audited."""
        ...

    async def return_packet(self, case: int, note: str) -> None:
        """Give the case back to its analyst with a note."""
        ...

    async def take_over(self, case: int) -> CaseRow:
        """Take the escalated case as mine."""
        ...

    # -- acts ------------------------------------------------------------------------------------
    async def options(self, case: int) -> tuple[Option, ...]:
        """Return every act with whether I may ask for it now, and why not."""
        ...

    async def policy(self) -> Policy:
        """Return the policy in force."""
        ...

    async def elevation(self) -> Elevation:
        """Return the state of elevated mode on this connection."""
        ...

    async def step_up_methods(self, bind: bytes | None = None) -> tuple[StepUpMethod, ...]:
        """Return every method, what is offered first and best first, with why the others are not.

        With `bind`, of what that hash stands for: some methods do not count for tier 3.
        """
        ...

    async def step_up(self, method: str, code: str = "", bind: bytes | None = None) -> Elevation:
        """Prove that I am here. FIDO2 waits for a touch (60 s), the identity provider for its page; TOTP takes `code`.

        `bind` ties the proof to one intent or request hash. Raises StepUpFailed with what to do.
        """
        ...

    def step_up_page(self) -> str:
        """Return the page of the identity provider that a step-up waits for, to be typed; empty when none does."""
        ...

    async def touch(self) -> bool:
        """Demo only: touch the software key of this person; False where there is none."""
        ...

    async def step_down(self) -> None:
        """Leave elevated mode."""
        ...

    async def intent(self, case: int, act: str, params: dict[str, Any]) -> bytes:
        """Return the 32 bytes that a step-up for this request is bound to."""
        ...

    async def request_act(
        self, case: int, act: str, params: dict[str, Any], reason_code: str, reason_text: str
    ) -> Request:
        """Ask for an act on the case's account. Raises Refused with the rule in words."""
        ...

    async def requests(self, case: int) -> tuple[Request, ...]:
        """Return the acts that were asked for in this case, newest first."""
        ...

    async def approve(self, request: Request) -> Request:
        """Approve exactly what `request` shows. Its hash is computed again from what was displayed."""
        ...

    async def veto(self, request: str, why: str) -> None:
        """Stop a request that was not executed yet. Anyone may."""
        ...

    # -- break-glass and people ------------------------------------------------------------------
    async def break_glass(self, case: int, incident: str, reason: str) -> BreakGlass:
        """Break the glass for a case that I hold: 30 minutes, leads and client are told. Raises Refused."""
        ...

    async def break_glass_state(self) -> BreakGlass:
        """Return my broken glass, or that there is none, and whether a review is overdue."""
        ...

    async def end_break_glass(self) -> None:
        """End it before its time."""
        ...

    async def reviews_due(self) -> tuple[Review, ...]:
        """Return the breakings of the glass that wait for a lead's judgement (leads and auditors)."""
        ...

    async def review_break_glass(self, review: int, justified: bool, text: str) -> None:
        """Judge one of somebody else's (leads, elevated)."""
        ...

    async def team(self) -> tuple[Member, ...]:
        """Return the people of the team with factors and grants (leads, seniors and auditors)."""
        ...

    async def team_health(self) -> tuple[Remark, ...]:
        """Return what is thin in the team, the worst first: nobody to approve, people without a factor …"""
        ...

    async def approvers(self, case: int, act: str) -> tuple[str, ...]:
        """Return the names of those who could approve this act, asked for by me in this case; empty where nobody."""
        ...

    async def changes(self) -> tuple[Change, ...]:
        """Return the changes to people that wait for a second person."""
        ...

    async def confirm_change(self, change: Change) -> None:
        """Be that second person. Needs a step-up bound to the change's hash."""
        ...

    async def alerts(self) -> tuple[Alert, ...]:
        """Return what no lead of the team has taken note of yet (leads)."""
        ...

    async def see_alert(self, alert: int) -> None:
        """Take note of an alert; that is on record."""
        ...

    async def views_of(self, account: str) -> tuple[Look, ...]:
        """Return who looked at a client's account, when and why, newest first (leads and auditors). On record."""
        ...

    # -- the terminal ----------------------------------------------------------------------------
    async def copied(self, case: int | None, what: str, length: int) -> None:
        """Put on record that `length` characters of `what` (a kind, not the text) go to the clipboard."""
        ...

    # -- audit -----------------------------------------------------------------------------------
    async def audit(self, before: datetime | None = None, limit: int = 200) -> tuple[AuditRow, ...]:
        """Return the newest audit records that I may see, newest first."""
        ...

    # -- the connection --------------------------------------------------------------------------
    def notices(self) -> AsyncIterator[str]:
        """Yield a word whenever something may have changed (``cases``, ``acts``, ``mail``): a hint to read again."""
        ...

    async def aclose(self) -> None:
        """Step down and let go of everything."""
        ...
