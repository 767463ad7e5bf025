"""A desk on paper: everything that the screens ask of one, in memory, by an injected clock. Test code only."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from tests.ui import paper_data as data
from tests.ui.paper_findings import PaperFindings
from tests.ui.paper_related import shared
from tests.ui.paper_story import PaperStory
from tests.ui.paper_timeline import paper_timeline
from workstation.services.clock import FrozenClock, to_micros
from workstation.services.errors import Refused, StepUpFailed, StoreError
from workstation.services.timeline.event import Event
from workstation.services.timeline.loading.timeline import Timeline
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.one import matches
from workstation.services.timeline.source import ALL, Span
from workstation.services.views import (
    AccountView,
    Alert,
    AuditRow,
    BreakGlass,
    CaseRow,
    Change,
    Difference,
    Elevation,
    EscalationRow,
    EscalationView,
    Fact,
    Findings,
    KeptQuery,
    Label,
    Look,
    MailMessage,
    Member,
    Note,
    Option,
    Packet,
    Person,
    Pin,
    Policy,
    Procedure,
    Proof,
    QueueView,
    Remark,
    Request,
    Review,
    StepUpMethod,
    Template,
)

replace = msgspec.structs.replace


class Paper:
    """The world that the desks of several people share."""

    def __init__(self, cases: int = 40, events: int = 180) -> None:
        self.clock = FrozenClock(data.NOW)
        self.rows: dict[int, CaseRow] = {row.id: row for row in map(data.case_row, range(cases))}
        self.order: list[int] = list(self.rows)
        self.events = data.events(events)
        self.marks = data.marks()
        self.account = data.account()
        self.pins, self.labels, self.notes = data.pins(), data.labels(), data.notes()
        self.procedure = data.procedure()
        self.mails = data.mails()
        self.packets: dict[int, Packet] = {}
        self.proofs: tuple[Proof, ...] = ()
        self.requests: dict[str, Request] = {}
        self.drafts: dict[tuple[str, int, str], str] = {}
        self.calls: list[tuple[str, Any]] = []
        self.moved: tuple[Difference, ...] = ()
        self.touched = asyncio.Event()
        #: whether facts of the account stand against a reset
        self.blocked = False
        #: what the client's fields are, unmasked
        self.clear = {"email": "maria@proton.me", "phone": "+351 910 000 042", "name": "Maria Silva"}
        self.glass = BreakGlass(on=False)
        self.reviews: tuple[Review, ...] = ()
        self.remarks: tuple[Remark, ...] = ()
        self.changes: tuple[Change, ...] = ()
        self.alerts: tuple[Alert, ...] = ()
        self.findings = Findings()
        self.shared = shared()
        #: why the account cannot be read back
        self.unread = ""
        self.queries: tuple[KeptQuery, ...] = ()

    def arrive(self, count: int) -> None:
        """Put new cases on top of the queue."""
        for n in range(count):
            row = replace(data.case_row(n, hostile=False), id=90_000 + len(self.rows), ref=f"CS-9{len(self.rows):04}")
            self.rows[row.id] = row
            self.order.insert(0, row.id)

    def forward(self, case: int) -> None:
        """Put a complete packet before the seniors."""
        packet = Packet(
            case_id=case,
            finding="The device d-77 removed the factor and added an address within six minutes.",
            verdict="takeover",
            act="remove_factor",
            params={"factor": "f-2"},
            wants="the account back, the withdrawal stopped",
            pins=self.pins,
            steps=self.procedure.steps,
            facts=(Fact(name="status", value="active"), Fact(name="factors", value="2")),
            by="ana.k",
            forwarded_at=data.NOW - timedelta(minutes=9),
            state="forwarded",
            version=3,
        )
        self.packets[case] = packet
        self.rows[case] = replace(self.rows[case], escalated_to=3, status="escalated", holder=None)

    def ask(self, case: int, act: str = "unlock", requester: str = "joao.m") -> Request:
        """Put a request before whoever may approve it."""
        number = str(len(self.requests) + 1)
        request = _request(number, self.rows[case], act, {}, data.PEOPLE[requester], self.clock.now())
        self.requests[number] = request
        return request


def _request(number: str, row: CaseRow, act: str, params: dict[str, Any], person: Person, now: datetime) -> Request:
    option = next(option for option in data.options(data.PEOPLE["mia.s"]) if option.act == act)
    wait = timedelta(seconds=option.cooldown_s)
    done = option.approvals == 0
    return Request(
        id=number,
        case_id=row.id,
        case_ref=row.ref,
        act=act,
        tier=option.tier,
        account=row.account,
        params=params,
        reason_code="CLIENT_REQUEST_VERIFIED",
        reason_text="The client called back from the number on record and named both devices.",
        requester=person.login,
        requester_name=person.name,
        created_at=now,
        not_before=now + wait,
        approve_by=now + timedelta(hours=1),
        approvals_needed=option.approvals,
        approvers=(),
        request_hash=hashlib.sha256(number.encode()).digest(),
        state="executed" if done else "pending",
        stage="done" if done else "waits for one more person",
        readback=f"{act}: read back as done at {now:%H:%M:%SZ}" if done else "",
        params_text="{}",
        policy=hashlib.sha256(b"policy").hexdigest(),
        vetoable_until=now + wait if option.vetoable else None,
        told_at=now + timedelta(seconds=4) if option.vetoable else None,
        account_etag="v7",
        evidence_hash=hashlib.sha256(b"evidence").hexdigest(),
    )


class PaperDesk(PaperFindings, PaperStory):
    """One person's desk on a :class:`Paper`."""

    def __init__(self, paper: Paper, login: str = "ana.k", methods: tuple[str, ...] = ("fido2", "totp")) -> None:
        self.paper = paper
        self.person = data.PEOPLE[login]
        self.column_sets = {"ours": ("event.action", "source.ip", "authentication.factor")}
        self.methods = methods
        self._elevation = Elevation(on=False)
        self._words: asyncio.Queue[str] = asyncio.Queue()
        self.closed = False
        self.broken: dict[str, Exception] = {}

    def _did(self, deed: str, *what: Any) -> None:
        if deed in self.broken:
            raise self.broken[deed]
        if self.closed:
            raise StoreError(f"{deed} on a session that was closed.")
        self.paper.calls.append((deed, what))

    def did(self, deed: str) -> list[Any]:
        """Return what `deed` was called with."""
        return [what for name, what in self.paper.calls if name == deed]

    def _change(self, case: int, **fields: Any) -> CaseRow:
        row = replace(self.paper.rows[case], version=self.paper.rows[case].version + 1, **fields)
        self.paper.rows[case] = row
        return row

    def hint(self, word: str) -> None:
        """Say that something may have changed."""
        self._words.put_nowait(word)

    # -- queue -----------------------------------------------------------------------------------
    async def queue(self) -> QueueView:
        self._did("queue")
        rows = [self.paper.rows[key] for key in self.paper.order]
        now = self.paper.clock.now()
        return QueueView(
            ids=tuple(self.paper.order),
            mine=sum(row.holder == self.person.login for row in rows),
            unassigned=sum(row.holder is None for row in rows),
            waiting=sum(row.waiting_since is not None for row in rows),
            breaching=sum(row.due_at is not None and row.due_at < now for row in rows),
            read_at=now,
        )

    async def case_rows(self, ids: tuple[int, ...]) -> tuple[CaseRow, ...]:
        self._did("case_rows", ids)
        return tuple(self.paper.rows[key] for key in ids if key in self.paper.rows)

    async def arrivals(self, since: QueueView) -> int:
        return len(set(self.paper.order) - set(since.ids))

    async def claim_next(self) -> CaseRow | None:
        self._did("claim_next")
        free = [key for key in self.paper.order if self.paper.rows[key].holder is None]
        return await self.claim(free[0]) if free else None

    async def claim(self, case: int, steal_reason: str = "") -> CaseRow:
        self._did("claim", case, steal_reason)
        until = self.paper.clock.now() + timedelta(minutes=15)
        return self._change(case, holder=self.person.login, holder_name=self.person.name, lease_until=until)

    async def heartbeat(self, case: int) -> datetime:
        self._did("heartbeat", case)
        row = self.paper.rows[case]
        if row.holder != self.person.login:
            raise Refused(
                "lease", f"{row.ref} is held by {row.holder_name or 'nobody'} now.", "Take it again from the queue."
            )
        return self.paper.clock.now() + timedelta(minutes=15)

    async def release(self, case: int) -> None:
        self._did("release", case)
        self._change(case, holder=None, holder_name="", lease_until=None)

    async def snooze(self, case: int, until: datetime, reason: str) -> None:
        self._did("snooze", case, until, reason)
        self._change(case, waiting_since=self.paper.clock.now())

    async def close(self, case: int, outcome: str) -> None:
        self._did("close", case, outcome)
        self.paper.order.remove(case)

    # -- account ---------------------------------------------------------------------------------
    async def open_case(self, case: int) -> AccountView:
        self._did("open_case", case)
        return self._view(case)

    async def refresh_case(self, case: int) -> AccountView:
        return self._view(case)

    def _view(self, case: int) -> AccountView:
        paper = self.paper
        account = replace(paper.account, id=paper.rows[case].account)
        return AccountView(
            case=paper.rows[case],
            account=account,
            risk=data.risk(),
            risk_problem="",
            reply_to=account.contacts[0],
            reply_to_masked="m••••@proton.me",
            trouble_since=data.NOW - timedelta(hours=8),
            pins=paper.pins,
            labels=paper.labels,
            notes=paper.notes,
            procedure=paper.procedure,
        )

    async def open_account(self, account: str, reason: str) -> AccountView:
        self._did("open_account", account, reason)
        found = replace(data.account(), id=account)
        return AccountView(
            case=None,
            account=found,
            risk=None,
            risk_problem="The risk engine did not answer.",
            reply_to=None,
            reply_to_masked="",
            trouble_since=data.NOW,
        )

    async def find_accounts(self, text: str) -> tuple[str, ...]:
        self._did("find_accounts", text)
        return tuple(row.account for row in self.paper.rows.values() if row.account == text.replace(" ", "").upper())

    async def timeline(self, account: str, span: Span | None = None, query: Query = ALL.query) -> Timeline:
        self._did("timeline", account, str(query) if query else "")
        now = to_micros(self.paper.clock.now())
        events = tuple(event for event in self.paper.events if matches(query, event, now))
        self.line = paper_timeline(events, data.gaps(), data.source_lines, () if query else self.paper.marks, query)
        return self.line

    async def reveal(self, case: int, field: str, reason: str) -> str:
        self._did("reveal", case, field, reason)
        return self.paper.clear[field]

    async def pin(self, case: int, event: Event) -> Pin:
        self._did("pin", case, event.id)
        pin = Pin(
            id=len(self.paper.pins) + 1,
            event_id=event.id,
            source=event.source,
            sha256=event.sha256,
            summary=event.action,
            added_by=self.person.login,
            added_at=self.paper.clock.now(),
        )
        self.paper.pins = (*self.paper.pins, pin)
        return pin

    async def record_proof(self, case: int, proof_class: str, pin: int, note: str) -> Proof:
        self._did("record_proof", case, proof_class, pin, note)
        made = Proof(
            id=len(self.paper.proofs) + 1,
            proof_class=proof_class,
            pin=pin,
            note=note,
            by=self.person.login,
            at=self.paper.clock.now(),
        )
        self.paper.proofs = (*self.paper.proofs, made)
        return made

    async def label(self, case: int, kind: str, value: str, verdict: str) -> Label:
        self._did("label", case, kind, value, verdict)
        return Label(kind=kind, value=value, verdict=verdict, by=self.person.login)

    async def note(self, case: int, text: str) -> Note:
        self._did("note", case, text)
        note = Note(id=len(self.paper.notes) + 1, by=self.person.login, at=self.paper.clock.now(), text=text)
        self.paper.notes = (*self.paper.notes, note)
        return note

    async def tick(self, case: int, step: str, pin: int | None = None) -> Procedure:
        self._did("tick", case, step, pin)
        now = self.paper.clock.now()
        steps = tuple(
            replace(s, done_by=self.person.login, done_at=now, pin=pin) if s.key == step else s
            for s in self.paper.procedure.steps
        )
        self.paper.procedure = replace(self.paper.procedure, steps=steps)
        return self.paper.procedure

    # -- mail ------------------------------------------------------------------------------------
    async def thread(self, case: int) -> tuple[MailMessage, ...]:
        return self.paper.mails

    async def templates(self, case: int) -> tuple[Template, ...]:
        return data.templates()

    async def check_mail(self, case: int, subject: str, body: str) -> tuple[str, ...]:
        found = []
        if "{" in body:
            found.append("{hole} is not filled.")
        if not body.strip():
            found.append("The mail has no text.")
        return tuple(found)

    async def send_mail(self, case: int, subject: str, body: str, template: str = "") -> MailMessage:
        self._did("send_mail", case, subject, body, template)
        now = self.paper.clock.now()
        mail = MailMessage(
            id=len(self.paper.mails) + 1,
            direction="out",
            state="queued",
            at=now,
            sender="support@exchange.example",
            recipient="maria@proton.me",
            subject=subject,
            body=body,
            language="pt",
            recall_until=now + timedelta(seconds=15),
        )
        self.paper.mails = (*self.paper.mails, mail)
        return mail

    async def recall_mail(self, mail: int) -> bool:
        self._did("recall_mail", mail)
        self.paper.mails = tuple(replace(m, state="recalled") if m.id == mail else m for m in self.paper.mails)
        return True

    async def save_draft(self, case: int, kind: str, text: str) -> None:
        self._did("save_draft", case, kind, text)
        self.paper.drafts[(self.person.login, case, kind)] = text

    async def draft(self, case: int, kind: str) -> str:
        return self.paper.drafts.get((self.person.login, case, kind), "")

    # -- packet and escalation -------------------------------------------------------------------
    async def packet(self, case: int) -> Packet:
        return self._judged(self.paper.packets.get(case, Packet(case_id=case, pins=self.paper.pins)))

    def _judged(self, packet: Packet) -> Packet:
        wanted = {
            "A finding of at least 20 characters.": len(packet.finding) >= 20,
            "A verdict.": bool(packet.verdict),
            "A recommended act.": bool(packet.act),
            "What the client wants.": bool(packet.wants),
        }
        needs = data.proof_needs(packet.act, self.paper.proofs)
        missing = tuple(what for what, there in wanted.items() if not there)
        return replace(packet, missing=missing, proofs=self.paper.proofs, proof_needs=needs)

    async def save_packet(self, case: int, packet: Packet) -> Packet:
        self._did("save_packet", case)
        self.paper.packets[case] = self._judged(packet)
        return self.paper.packets[case]

    async def forward(self, case: int) -> Packet:
        self._did("forward", case)
        packet = replace(
            self.paper.packets[case], state="forwarded", by=self.person.login, forwarded_at=self.paper.clock.now()
        )
        self.paper.packets[case] = packet
        self._change(case, holder=None, escalated_to=3)
        return packet

    async def ask_guidance(self, case: int, question: str) -> None:
        self._did("ask_guidance", case, question)

    async def escalations(self) -> tuple[EscalationRow, ...]:
        self._did("escalations")
        rows = []
        for case, packet in self.paper.packets.items():
            if packet.forwarded_at is not None and packet.state == "forwarded":
                waiting = tuple(r for r in self.paper.requests.values() if r.case_id == case)
                rows.append(
                    EscalationRow(
                        case=self.paper.rows[case],
                        packet_state=packet.state,
                        act=packet.act,
                        verdict=packet.verdict,
                        by=packet.by,
                        forwarded_at=packet.forwarded_at,
                        requests=waiting,
                    )
                )
        return tuple(rows)

    async def open_escalation(self, case: int) -> EscalationView:
        self._did("open_escalation", case)
        return EscalationView(
            case=self.paper.rows[case],
            packet=self.paper.packets[case],
            differences=self.paper.moved,
            checked_at=self.paper.clock.now(),
            requests=await self.requests(case),
            options=await self.options(case),
            account=replace(self.paper.account, id=self.paper.rows[case].account),
        )

    async def return_packet(self, case: int, note: str) -> None:
        self._did("return_packet", case, note)
        self.paper.packets[case] = replace(self.paper.packets[case], state="returned", returned_note=note)

    async def take_over(self, case: int) -> CaseRow:
        self._did("take_over", case)
        self.paper.packets[case] = replace(self.paper.packets[case], state="taken")
        return await self.claim(case)

    # -- acts ------------------------------------------------------------------------------------
    async def options(self, case: int) -> tuple[Option, ...]:
        return data.options(self.person, self.paper.proofs, self.paper.blocked)

    async def policy(self) -> Policy:
        return Policy(version=1, text="standard", hash=hashlib.sha256(b"policy").hexdigest())

    async def elevation(self) -> Elevation:
        return self._elevation

    async def step_up_methods(self, bind: bytes | None = None) -> tuple[StepUpMethod, ...]:
        offered = [StepUpMethod(kind=kind, offered=True) for kind in self.methods]
        absent = [kind for kind in ("fido2", "idp", "totp") if kind not in self.methods]
        return (*offered, *(StepUpMethod(kind=kind, offered=False, why="None is enrolled for you.") for kind in absent))

    async def step_up(self, method: str, code: str = "", bind: bytes | None = None) -> Elevation:
        self._did("step_up", method, bind)
        if method == "fido2":
            self.paper.touched.clear()
            await self.paper.touched.wait()
        elif code != "123456":
            raise StepUpFailed("The code is wrong.", "Type the code that is shown now; four tries are left.")
        self._elevation = Elevation(on=True, method=method, seconds_left=900.0, idle_seconds_left=300.0, fresh=True)
        return self._elevation

    def step_up_page(self) -> str:
        return ""

    async def touch(self) -> bool:
        self._did("touch")
        self.paper.touched.set()
        return True

    async def step_down(self) -> None:
        self._did("step_down")
        self._elevation = Elevation(on=False)

    async def intent(self, case: int, act: str, params: dict[str, Any]) -> bytes:
        return hashlib.sha256(f"{case}{act}{params}".encode()).digest()

    async def request_act(
        self, case: int, act: str, params: dict[str, Any], reason_code: str, reason_text: str
    ) -> Request:
        self._did("request_act", case, act, params, reason_code, reason_text)
        number = str(len(self.paper.requests) + 1)
        request = _request(number, self.paper.rows[case], act, params, self.person, self.paper.clock.now())
        self.paper.requests[number] = request
        return request

    async def requests(self, case: int) -> tuple[Request, ...]:
        return tuple(reversed([r for r in self.paper.requests.values() if r.case_id == case]))

    async def approve(self, request: Request) -> Request:
        self._did("approve", request.id)
        done = replace(
            request,
            approvers=(*request.approvers, self.person.name),
            state="executed",
            stage="done",
            readback=f"{request.act}: the account reads active, checked {self.paper.clock.now():%H:%M:%SZ}",
        )
        self.paper.requests[request.id] = done
        return done

    async def veto(self, request: str, why: str) -> None:
        self._did("veto", request, why)
        self.paper.requests[request] = replace(
            self.paper.requests[request], state="vetoed", stage=f"stopped by {self.person.name}"
        )

    # -- break-glass and people --------------------------------------------------------------------
    async def break_glass(self, case: int, incident: str, reason: str) -> BreakGlass:
        self._did("break_glass", case, incident, reason)
        self.paper.glass = BreakGlass(
            on=True,
            id=1,
            case_id=case,
            case_ref=self.paper.rows[case].ref,
            incident=incident,
            reason=reason,
            seconds_left=1800.0,
            review_due_at=self.paper.clock.now() + timedelta(hours=24),
        )
        return self.paper.glass

    async def break_glass_state(self) -> BreakGlass:
        due = self.paper.glass.review_due_at
        if not self.paper.glass.on or due is None:
            return self.paper.glass
        rest = (due - timedelta(hours=23, minutes=30) - self.paper.clock.now()).total_seconds()
        return replace(self.paper.glass, on=rest > 0, seconds_left=max(0.0, rest))

    async def end_break_glass(self) -> None:
        self._did("end_break_glass")
        self.paper.glass = replace(self.paper.glass, on=False, seconds_left=0.0)

    async def reviews_due(self) -> tuple[Review, ...]:
        return self.paper.reviews

    async def review_break_glass(self, review: int, justified: bool, text: str) -> None:
        self._did("review_break_glass", review, justified, text)
        self.paper.reviews = tuple(r for r in self.paper.reviews if r.id != review)

    async def team(self) -> tuple[Member, ...]:
        people = data.PEOPLE.values()
        return tuple(Member(login=p.login, name=p.name, level=p.level, role=p.role, enabled=True) for p in people)

    async def team_health(self) -> tuple[Remark, ...]:
        return self.paper.remarks

    async def approvers(self, case: int, act: str) -> tuple[str, ...]:
        return tuple(p.name for p in data.PEOPLE.values() if p.level == 3 and p.login != self.person.login)

    async def changes(self) -> tuple[Change, ...]:
        return self.paper.changes

    async def confirm_change(self, change: Change) -> None:
        self._did("confirm_change", change.id)
        self.paper.changes = tuple(c for c in self.paper.changes if c.id != change.id)

    async def alerts(self) -> tuple[Alert, ...]:
        return self.paper.alerts

    async def see_alert(self, alert: int) -> None:
        self._did("see_alert", alert)
        self.paper.alerts = tuple(a for a in self.paper.alerts if a.id != alert)

    async def views_of(self, account: str) -> tuple[Look, ...]:
        self._did("views_of", account)
        return data.looks(account)

    async def copied(self, case: int | None, what: str, length: int) -> None:
        self._did("copied", case, what, length)

    # -- audit and the connection -----------------------------------------------------------------
    async def audit(self, before: datetime | None = None, limit: int = 200) -> tuple[AuditRow, ...]:
        self._did("audit", before)
        return tuple(row for row in data.audit_rows() if before is None or row.at < before)[:limit]

    async def notices(self) -> AsyncIterator[str]:
        while True:
            yield await self._words.get()

    async def aclose(self) -> None:
        self._did("aclose")
        self.closed = True


def connector(desk: PaperDesk) -> Callable[[], Awaitable[PaperDesk]]:
    """Return what an app is given to connect with."""

    async def connect() -> PaperDesk:
        desk.closed = False
        return desk

    return connect
