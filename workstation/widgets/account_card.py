"""Who the account is, masked, and how it stands: the card beside the timeline."""

from __future__ import annotations

import re
from datetime import datetime

from workstation.services.accounts.model import Account, Contact, ContactKind, Risk, Status
from workstation.services.text import group4, mask_email, mask_tail
from workstation.services.views import AccountView
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose
from workstation.widgets.times import ZULU, Zone, countdown

LABEL = 9
#: Fields that may be read now, each with the seconds that are left.
Revealed = dict[str, tuple[str, float]]
_STATUS = {Status.ACTIVE: "● active", Status.LOCKED: "■ LOCKED", Status.CLOSED: "□ CLOSED"}


class AccountCard(Pane):
    """The account at a glance. A revealed field is shown for its minute and masked again."""

    HELP = "The account: masked contacts, risk with its reasons, locks, holds, factors and what is left standing."

    def show(self, view: AccountView, zone: Zone = ZULU, revealed: Revealed | None = None) -> None:
        """Write the card of `view`; `revealed` holds fields (email, phone, name) that may be read now."""
        prose = Prose()
        if view.account_problem and view.account.id:
            _unread(prose, view)
            _risk(prose, view.risk, view.risk_problem, zone)
        else:
            _identity(prose, view, zone, revealed or {})
            _risk(prose, view.risk, view.risk_problem, zone)
            _locks(prose, view.account, zone)
            _standing(prose, view.account, zone)
        self.write(prose.content())


#: A word as :mod:`workstation.services.accounts.masking` leaves it; a dot somewhere in a name is none.
_MASKED = re.compile(r".?••••(?:@\S+|\S{0,2})")


def masked(value: str) -> str:
    """Return `value` as it may be shown: what is masked already, word by word, stays; anything else is masked here."""
    if all(map(_MASKED.fullmatch, value.split())):
        return value
    return mask_email(value) if "@" in value else mask_tail(value, 0)


def _day(at: datetime | None, zone: Zone) -> str:
    return zone.at(at, "%Y-%m-%d") if at else "–"


def _unread(prose: Prose, view: AccountView) -> None:
    """Say that nothing is known of locks, holds and factors: "none" would look like good news."""
    prose.line((group4(view.account.id), "strong"), "  ", ("? not read", "strong"))
    prose.line(view.account_problem)
    prose.line(("Locks, holds, factors and contacts are not known. ctrl+r reads again.", "quiet"))


def _identity(prose: Prose, view: AccountView, zone: Zone, revealed: Revealed) -> None:
    account = view.account
    if not account.id:
        prose.line(("No account is known for this case.", "strong")).line(("Paste an id or mail into ctrl+p.", "quiet"))
        return
    status = _STATUS.get(account.status, f"? {account.status}")
    prose.line(
        (group4(account.id), "strong"), "  ", (status, "accent" if account.status is Status.ACTIVE else "strong")
    )
    for field, value in (("name", account.name), ("email", _current(account, ContactKind.EMAIL))):
        _field(prose, field, value, revealed)
    _field(prose, "phone", _current(account, ContactKind.PHONE), revealed)
    facts = [account.country, account.language, f"KYC {account.kyc_level}" if account.kyc_level is not None else ""]
    facts.append(f"since {account.created_at:%Y}" if account.created_at else "")
    prose.line(" · ".join(fact for fact in facts if fact) + (" · VIP" if account.vip else ""))
    if account.balance_usd is not None:
        prose.pair("funds", f"$ {account.balance_usd:,.0f}", width=LABEL)
    prose.pair("reply to", view.reply_to_masked or "no address is safe", width=LABEL)
    if view.reply_to is not None:
        prose.line((f"{'':<{LABEL}}verified {_day(view.reply_to.verified_at, zone)}", "quiet"))


def _field(prose: Prose, field: str, value: str, revealed: Revealed) -> None:
    if field in revealed:
        clear, seconds = revealed[field]
        prose.pair(field, clear, "strong", LABEL)
        prose.line((f"{'':<{LABEL}}◷ {countdown(seconds)}, then masked", "time"))
    elif value:
        prose.pair(field, masked(value), width=LABEL)


def _current(account: Account, kind: ContactKind) -> str:
    contacts: list[Contact] = [c for c in account.contacts if c.kind is kind and c.replaced_at is None]
    return contacts[-1].value if contacts else ""


def _risk(prose: Prose, risk: Risk | None, problem: str, zone: Zone) -> None:
    prose.gap()
    if risk is None or risk.score is None:
        prose.pair("risk", problem or "the engine has no score", "strong", width=LABEL)
        return
    prose.pair("risk", f"{risk.score:g} of {risk.scale.rpartition('-')[2]} {risk.level.upper()}", "strong", width=LABEL)
    for reason in risk.reasons:
        prose.line((f"{reason.points:>+5g} ", "quiet"), reason.text or reason.code)
    if risk.computed_at:
        prose.line((f"{'':<{LABEL}}as of {zone.at(risk.computed_at, '%m-%d %H:%M')}", "quiet"))


def _locks(prose: Prose, account: Account, zone: Zone) -> None:
    prose.gap()
    if not account.locks:
        prose.pair("locks", "none", width=LABEL)
    for lock in account.locks:
        prose.pair("lock", str(lock.kind), "strong", width=LABEL)
        _indented(prose, f"until {_day(lock.until, zone)}" if lock.until else "", lock.reason)
    if not account.holds:
        prose.pair("holds", "none", width=LABEL)
    for hold in account.holds:
        prose.pair("hold", hold.kind, "strong", width=LABEL)
        _indented(prose, f"until {_day(hold.until, zone)}" if hold.until else "", hold.reason)


def _indented(prose: Prose, *texts: str) -> None:
    for text in texts:
        if text:
            prose.line((f"{'':<3}{text}", "quiet"))


def _standing(prose: Prose, account: Account, zone: Zone) -> None:
    prose.gap()
    for factor in account.factors:
        prose.pair("factor", f"{factor.kind} {factor.label}", width=LABEL)
        _indented(prose, f"enrolled {_day(factor.enrolled_at, zone)}")
    if not account.factors:
        prose.pair("factors", "none", width=LABEL)
    for session in account.sessions:
        prose.pair("session", f"{session.country} {session.ip} {session.device}", width=LABEL)
    for thing in account.standing:
        prose.pair("standing", thing.kind, width=LABEL)
        _indented(prose, f"{thing.label} since {_day(thing.created_at, zone)}")
