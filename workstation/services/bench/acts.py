"""Acts at the desk: what I may do and why not, elevated mode, requests and approvals."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec

from workstation.services.accounts.model import Account
from workstation.services.acts.control import Act
from workstation.services.acts.refusals import in_words, refused, why_nots
from workstation.services.bench.tools import Tools
from workstation.services.errors import SourceError, StepUpFailed
from workstation.services.store.session import convert
from workstation.services.views import Elevation, Option, Policy, Request, StepUpMethod

#: Acts that protect: one person's, at once, whatever is known of the account.
PROTECTIVE = frozenset({Act.LOCK, Act.END_SESSIONS, Act.FREEZE_WITHDRAWALS})
#: How long a person waits for the broker to read the account: it looks ten times a second. Seconds.
FACTS_WAIT_S = 5.0
MENU_WAIT_S = 1.5
_LOOK_S = 0.1


class ActDesk:
    """What is done to an account, and who agrees."""

    tools: Tools

    async def options(self, case: int) -> tuple[Option, ...]:
        """Return every act with whether I may ask for it now, and all reasons why not, in words."""
        account = await self._account(case)
        if account is not None and account.etag and self.tools.person.level >= 3:
            await self._facts(case, account.etag, MENU_WAIT_S)
        rows = await self.tools.session.call("options", case)
        return tuple(_option(row, account) for row in rows)

    async def policy(self) -> Policy:
        """Return the policy in force."""
        return await self.tools.session.typed(Policy, "policy")

    async def elevation(self) -> Elevation:
        """Return the state of elevated mode on this connection."""
        return await self.tools.session.typed(Elevation, "elevation")

    async def step_up_methods(self, bind: bytes | None = None) -> tuple[StepUpMethod, ...]:
        """Return every method, what is offered first and best first, with why the others are not."""
        return await self.tools.step_up.methods(bind)

    async def step_up(self, method: str, code: str = "", bind: bytes | None = None) -> Elevation:
        """Prove that I am here; FIDO2 waits for a touch, the identity provider for its page, TOTP takes `code`."""
        if method == "fido2":
            return await self.tools.step_up.with_key(bind)
        if method == "idp":
            return await self.tools.step_up.with_provider(bind)
        if method == "totp":
            return await self.tools.step_up.with_code(code, bind)
        raise StepUpFailed(f"“{method}” is not a way to step up.", "Use a security key or a code.")

    def step_up_page(self) -> str:
        """Return the identity provider's page that a step-up waits for; empty when none does."""
        return self.tools.step_up.page

    async def touch(self) -> bool:
        """Demo only: touch the software key of this person; False where there is none."""
        return await asyncio.to_thread(self.tools.touch) if self.tools.touch else False

    async def step_down(self) -> None:
        """Leave elevated mode."""
        await self.tools.session.rows("step_down")

    async def intent(self, case: int, act: str, params: dict[str, Any]) -> bytes:
        """Return the 32 bytes that a step-up for this request is bound to."""
        return bytes(await self.tools.session.call("intent", case, act, params))

    async def request_act(
        self, case: int, act: str, params: dict[str, Any], reason_code: str, reason_text: str
    ) -> Request:
        """Ask for an act on the case's account, at the version at which the account stands now."""
        account = await self.tools.account_of(case)
        if Act(act) not in PROTECTIVE:
            await self._facts(case, account.etag, FACTS_WAIT_S)
        answer = await self.tools.session.call(
            "request_act", case, Act(act), params, reason_code, reason_text, account.etag
        )
        return request_of(answer)

    async def requests(self, case: int) -> tuple[Request, ...]:
        """Return the acts that were asked for in this case, newest first."""
        return tuple(request_of(row) for row in await self.tools.session.call("requests", case))

    async def approve(self, request: Request) -> Request:
        """Approve exactly what `request` shows: its hash is computed again from the displayed fields."""
        shown = request_hash(request)
        if shown != request.request_hash:
            raise refused("hash_mismatch")
        return request_of(await self.tools.session.call("approve", request.id, shown))

    async def veto(self, request: str, why: str) -> None:
        """Stop a request that was not executed yet. Anyone may."""
        await self.tools.session.call("veto", request, why)

    async def _facts(self, case: int, etag: str, seconds: float) -> bool:
        """Have the broker read the account at this version; False when it did not within `seconds`.

        What it reads is what the database believes: nothing that this process says of the account counts.
        """
        for _ in range(int(seconds / _LOOK_S)):
            if (await self.tools.session.call("ask_facts", case, etag))["ready"]:
                return True
            await asyncio.sleep(_LOOK_S)
        return False

    async def _account(self, case: int) -> Account | None:
        if case not in self.tools.opened:
            return None
        try:
            return await self.tools.account_of(case)
        except SourceError:
            return None


def request_of(row: dict[str, Any]) -> Request:
    """Return the store's JSON of a request as a view; hashes are hexadecimal there."""
    return convert({**row, "request_hash": _base64(row["request_hash"])}, Request)


def _base64(hexadecimal: str) -> str:
    # msgspec reads bytes as base64
    return msgspec.json.encode(bytes.fromhex(hexadecimal)).decode().strip('"')


def request_hash(request: Request) -> bytes:
    """Compute the hash of a request from what is displayed; the twin of ``wsd.request_hash``."""
    fields = (
        "ws-request-v2",
        request.id,
        str(request.case_id),
        request.act,
        request.account,
        request.params_text,
        request.reason_code,
        request.reason_text,
        request.requester,
        request.account_etag,
        request.evidence_hash,
        _instant(request.approve_by),
        _instant(request.not_before),
        request.policy,
        str(request.approvals_needed),
        _instant(request.vetoable_until) if request.vetoable_until else "",
        "true" if request.break_glass else "false",
    )
    return hashlib.sha256("".join(f"{len(f.encode())}:{f}" for f in fields).encode()).digest()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _option(row: dict[str, Any], account: Account | None) -> Option:
    choices: tuple[tuple[str, str], ...] = ()
    if account is not None and row["param_name"] == "hold":
        choices = tuple((h.id, f"{h.kind}: {h.reason}") for h in account.holds)
    elif account is not None and row["param_name"] == "factor":
        choices = tuple((f.id, f"{f.kind} {f.label}".strip()) for f in account.factors)
    reasons = why_nots(row["reasons"])
    why_not = in_words(reasons)
    if row["allowed"] and row["param_name"] and account is not None and not choices:
        row, why_not = {**row, "allowed": False}, f"The account has no {row['param_name']}."
    return convert({**row, "why_not": why_not, "reasons": reasons, "params": choices}, Option)
