"""The account at the desk: opening, masking, the timeline, evidence."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from workstation.services.accounts.masking import masked, masked_contact
from workstation.services.accounts.model import Account, Risk, Status
from workstation.services.bench.tools import Tools
from workstation.services.clock import parse_instant, to_micros
from workstation.services.errors import Invalid, Refused, SourceError, SourceMissing
from workstation.services.store.session import convert
from workstation.services.text import clean, mask_email
from workstation.services.timeline.event import Event
from workstation.services.timeline.query import edit
from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.source import ALL, Only, Span
from workstation.services.views import AccountView, CaseRow, Label, Look, Note, Pin, Procedure, Proof

if TYPE_CHECKING:
    from workstation.services.timeline.loading.timeline import Timeline

#: How far back a timeline goes when nobody says so.
DEFAULT_SPAN = timedelta(days=400)


class AccountDesk:
    """What is seen of one account and kept as evidence."""

    tools: Tools

    async def open_case(self, case: int) -> AccountView:
        """Open the case's account. Audited as a read."""
        detail = await self.tools.session.call("open_case", case)
        return await self.view_of(detail)

    async def refresh_case(self, case: int) -> AccountView:
        """Read an opened case again; leaves no further record within the hour."""
        return await self.view_of(await self.tools.session.call("case_again", case))

    async def view_of(self, detail: dict[str, Any]) -> AccountView:
        """Return the screen's view of a case's detail from the store, the account read now."""
        row = convert(detail["case"], CaseRow)
        since = parse_instant(detail["trouble_since"])
        # The case opened last is the purpose for which its account is read.
        self.tools.opened.pop(row.id, None)
        self.tools.opened[row.id] = (row.account, since)
        account, unread = await self._read(row.account)
        risk, problem = await self._risk(row.account)
        reply_to = account.address_on_record(since)
        return AccountView(
            case=row,
            account=masked(account),
            account_problem=unread,
            risk=risk,
            risk_problem=problem,
            reply_to=masked_contact(reply_to) if reply_to else None,
            reply_to_masked=mask_email(reply_to.value) if reply_to else "",
            trouble_since=since,
            pins=convert(detail["pins"], tuple[Pin, ...]),
            labels=convert(detail["labels"], tuple[Label, ...]),
            notes=convert(detail["notes"], tuple[Note, ...]),
            procedure=convert(detail["procedure"], Procedure) if detail["procedure"] else None,
        )

    async def open_account(self, account: str, reason: str) -> AccountView:
        """Open an account without a case, for a typed reason that a lead sees. Audited."""
        await self.tools.session.call("open_account", account, reason)
        self.tools.purposes.reasons[account] = reason
        view = await self.tools.sight.admit(account)
        risk, problem = await self._risk(account)
        found, unread = await self._read(account)
        return AccountView(
            case=None,
            account=masked(found),
            account_problem=unread,
            risk=risk,
            risk_problem=problem,
            reply_to=None,
            reply_to_masked="",
            trouble_since=self.tools.clock.now(),
            view_until=view.until,
        )

    async def find_accounts(self, text: str) -> tuple[str, ...]:
        """Return ids of accounts that `text` names exactly."""
        return await self.tools.sight.find(text.strip())

    async def views_of(self, account: str) -> tuple[Look, ...]:
        """Return who looked at a client's account, when and why, newest first. Leads and auditors; on record."""
        return await self.tools.session.typed(tuple[Look, ...], "views_of", account)

    async def timeline(self, account: str, span: Span | None = None, query: Query = ALL.query) -> Timeline:
        """Open the timeline of an account that was opened; it fills by itself, and whoever opened it closes it."""
        span = span or await self._span(account)
        if not query:
            return await self.tools.timelines.open(account, span)
        now_us = to_micros(self.tools.clock.now())
        return await self.tools.timelines.open(account, _asked_span(query, span, now_us), Only(query, now_us))

    async def _span(self, account: str) -> Span:
        """Return the last months, and further back where events were imported."""
        now = self.tools.clock.now()
        since = to_micros(now - DEFAULT_SPAN)
        imported = await self.tools.session.call("imported_since", account)
        return Span(since_us=min(since, imported or since), until_us=to_micros(now + timedelta(minutes=5)))

    async def reveal(self, case: int, field: str, reason: str) -> str:
        """Return one masked field (``email``, ``phone``, ``name``) for a reason. Audited."""
        await self.tools.session.call("reveal", case, field, reason)
        account, _ = self.tools.of(case)
        return ", ".join(await self.tools.sight.field(account, field)) or "none"

    async def pin(self, case: int, event: Event) -> Pin:
        """Keep the event as evidence with its raw bytes."""
        account, _ = self.tools.of(case)
        return await self.tools.sight.pin(case, account, event)

    async def record_proof(self, case: int, proof_class: str, pin: int, note: str) -> Proof:
        """Record that a pin proves the client, as the class of evidence that it is."""
        return await self.tools.session.typed(Proof, "record_proof", case, proof_class, pin, note)

    async def label(self, case: int, kind: str, value: str, verdict: str) -> Label:
        """Say whose a ``device``, ``network`` or ``session`` is: owner, intruder or unknown."""
        if kind not in ("device", "network", "session") or verdict not in ("owner", "intruder", "unknown"):
            raise Invalid(f"“{clean(kind)} {clean(verdict)}” is not a label.", "Choose one of the list.")
        return await self.tools.session.typed(Label, "label", case, kind, value, verdict)

    async def note(self, case: int, text: str) -> Note:
        """Add a note."""
        if not text.strip():
            raise Invalid("The note is empty.", "Write something, or leave with Esc.")
        return await self.tools.session.typed(Note, "note", case, text)

    async def tick(self, case: int, step: str, pin: int | None = None) -> Procedure:
        """Mark a step as done; a step that needs a pin is refused without one."""
        return await self.tools.session.typed(Procedure, "tick", case, step, pin)

    async def _read(self, account: str) -> tuple[Account, str]:
        """Return the account and why it could not be read; the case stays workable without it."""
        nothing = Account(id=account, etag="", status=Status.UNKNOWN)
        if not account:
            return nothing, "The case has no account yet."
        try:
            await self.tools.sight.admit(account)
            return await self.tools.accounts.read(account), ""
        except SourceMissing:
            return nothing, "No account system knows this account."
        except (SourceError, Refused) as error:
            return nothing, error.sentence()

    async def _risk(self, account: str) -> tuple[Risk | None, str]:
        if self.tools.risk is None:
            return None, "No risk engine is configured."
        try:
            return await self.tools.risk.risk(account), ""
        except SourceMissing:
            return None, "The risk engine has no data on this account."
        except (SourceError, Refused) as error:
            return None, error.sentence()


def _asked_span(query: Query, usual: Span, now_us: int) -> Span:
    """Return the time that a query speaks of, as far back as it does; where it speaks of none, the usual one."""
    low, high = edit.span(query, now_us)
    until = usual.until_us if high is None else max(1, min(high, usual.until_us))
    # "Before March" has no beginning: as much before it as is read without a query.
    since = min(usual.since_us, until - (usual.until_us - usual.since_us)) if low is None else low
    return Span(max(0, min(since, until - 1)), until)
