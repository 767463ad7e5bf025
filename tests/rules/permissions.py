"""Writes ``docs/permissions.md`` from the database: who may ask for what in which situation, and why not.

``python -m tests.rules.permissions`` writes it anew; ``test_permissions.py`` fails while it is stale. Every cell is
an answer of ``wsd.why_not``, the function that also decides.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.rules import asking
from tests.rules.installation import LONG_AGO, PHONE, Installation, answer, installation
from workstation.services.accounts.model import Contact, ContactKind, SimState
from workstation.services.acts.refusals import sentence

FILE = Path(__file__).parents[2] / "docs" / "permissions.md"
LEVELS = {"ana": "Level 1", "carla": "Level 2", "carla, granted": "Level 2, granted", "david": "Senior", "fay": "Lead"}
BOTH = ("proofing", "possession")

HEAD = """# Who may ask for what

Made by the database itself (`python -m tests.rules.permissions`); a test fails while this page is stale. Every cell
is an answer of `wsd.why_not`, the one function that the screens show and that `ws.request_act` obeys. ✓ means: may
ask. From tier 2 on, asking also takes elevated mode, and somebody else's approval before anything happens; see
docs/policy.md.
"""


def document(ws: Installation) -> str:
    """Return the page as the rules of this store make it."""
    policy = ws.su.execute(
        "SELECT act, title, tier, approvals, approvals_more, cooldown, hold, vetoable, min_level, approver_level, "
        "approve_within, execute_within FROM wsd.policy ORDER BY tier, act"
    ).fetchall()
    parts = [HEAD, _acts(policy), _needs(ws), _levels(ws, policy), _situations(ws), _words(ws)]
    return "\n".join(parts)


def _acts(policy: list[tuple[Any, ...]]) -> str:
    head = ("act", "tier", "asked by", "others who agree", "who are", "cool-down", "client told first")
    rows = [_act(*one) for one in policy]
    return "## The acts\n\n" + _table((*head, "withdrawals rest", "approve within", "execute within"), rows)


def _act(
    act: str,
    title: str,
    tier: int,
    approvals: int,
    more: int,
    cooldown: timedelta,
    hold: timedelta,
    vetoable: bool,
    low: int,
    approver: int,
    approve: timedelta,
    execute: timedelta,
) -> tuple[str, ...]:
    others = f"{approvals}, {more} at high stakes" if more > approvals else str(approvals)
    alone = not approvals or tier == 4
    return (
        f"`{act}` {title}",
        str(tier),
        "nobody" if tier == 4 else _level(low),
        "–" if alone else others,
        "–" if alone else _level(approver),
        _span(cooldown),
        "yes" if vetoable else "–",
        _span(hold),
        "–" if tier == 4 else _span(approve),
        "–" if alone else _span(execute),
    )


def _needs(ws: Installation) -> str:
    limits = dict(ws.su.execute("SELECT name, value FROM wsd.policy_limit ORDER BY name").fetchall())
    lines = ["## What else the policy says", ""]
    for act, any_of in ws.su.execute(
        "SELECT act, string_agg(class, ' or ' ORDER BY class DESC) FROM wsd.policy_need "
        "GROUP BY act, need ORDER BY act, need"
    ).fetchall():
        lines.append(f"- `{act}` needs evidence: {any_of}.")
    for act, code, span, unknown in ws.su.execute(
        "SELECT act, code, span, unknown_needs FROM wsd.policy_blocker ORDER BY act, code"
    ).fetchall():
        within = f" within {_span(span)}" if span else ""
        instead = f"; where it is not known: only with {unknown}" if unknown else ""
        lines.append(f"- `{act}` is stopped by `{code}`{within}{instead}.")
    for act, codes in ws.su.execute(
        "SELECT act, string_agg(code, ', ' ORDER BY code) FROM wsd.policy_reason GROUP BY act ORDER BY act"
    ).fetchall():
        lines.append(f"- Reasons for `{act}`: {codes}.")
    lines += [f"- `{name}`: {value}." for name, value in limits.items()]
    return "\n".join(lines) + "\n"


def _levels(ws: Installation, policy: list[tuple[Any, ...]]) -> str:
    """Level by act, in an open case of one's own with everything in order."""
    ws.su.execute("DELETE FROM wsd.grant_of")
    found = {}
    for n, (who, title) in enumerate(LEVELS.items()):
        login = who.partition(",")[0]
        if who != login:
            ws.su.execute(
                "INSERT INTO wsd.grant_of(login, act, given_by, until) SELECT %s, act, 'fay', now() + interval '1 day' "
                "FROM wsd.policy WHERE tier >= 2 AND min_level <= 2",
                (login,),
            )
        holder = "david" if login == "fay" else login
        case = asking.ready(ws, holder, f"DOC{n}", *BOTH)
        found[title] = {o["act"]: o for o in answer(ws.desk(login), "SELECT ws.options(%s)", case)}
    rows = [(f"`{act}`", *(_cell(options[act]) for options in found.values())) for act, *_ in policy]
    return "## By level, in a case of one's own with everything in order\n\n" + _table(("act", *found), rows)


def _situations(ws: Installation) -> str:
    """A senior's case in situations, one after the other, each with nothing else wrong."""
    acts = ("lock", "unlock", "remove_factor")
    rows = []
    for n, (name, make) in enumerate(SITUATIONS.items()):
        ws.control = type(ws.control)()
        case = make(ws, f"SIT{n}")
        options = (
            answer(ws.desk("david"), "SELECT ws.options(%s)", case)
            if case
            else answer(ws.desk("david"), "SELECT ws.options_for(%s)", f"SIT{n}")
        )
        by_act = {o["act"]: o for o in options}
        rows.append((name, *(_cell(by_act[act]) for act in acts)))
        asking.forget(ws)
    ws.control = type(ws.control)()
    return "## A senior, by situation\n\n" + _table(("situation", *(f"`{a}`" for a in acts)), rows)


def _shown(*classes: str, **fields: Any) -> Callable[[Installation, str], int]:
    def make(ws: Installation, account: str) -> int:
        ws.control.change(**fields)
        return asking.ready(ws, "david", account, *classes)

    return make


def _unread(ws: Installation, account: str) -> int:
    case = asking.ready(ws, "david", account, *BOTH)
    ws.su.execute("DELETE FROM wsd.account_fact WHERE account_id = %s", (account,))
    return case


def _held(ws: Installation, account: str) -> int:
    return asking.ready(ws, "erika", account, *BOTH)


def _open_request(ws: Installation, account: str) -> int:
    case = asking.ready(ws, "david", account, *BOTH)
    ws.step_up(ws.desk("david"))
    answer(ws.desk("david"), asking.REQUEST, case, "unlock", "{}", "a reason text of enough length", "e1")
    return case


def _silent(ws: Installation, account: str) -> int:
    case = ws.case(account)
    answer(ws.desk("david"), "SELECT ws.claim_case(%s, '')", case)
    ws.proofs("david", case, *BOTH)
    ws.attest(account)
    return case


def _nothing(ws: Installation, account: str) -> int:
    return 0


NOW = datetime.now(UTC)
EMAIL = Contact(kind=ContactKind.EMAIL, value="client@x.invalid", verified_at=LONG_AGO)
FRESH = Contact(kind=ContactKind.PHONE, value=PHONE, verified_at=NOW - timedelta(days=2))
SITUATIONS: dict[str, Callable[[Installation, str], int]] = {
    "everything in order": _shown(*BOTH),
    "no case of the account": _nothing,
    "somebody else holds the case": _held,
    "another request is open": _open_request,
    "the broker has not read the account": _unread,
    "no evidence": _shown(),
    "only a live video": _shown("proofing"),
    "video and call-back": _shown("proofing", "callback"),
    "SIM card changed yesterday": _shown(*BOTH, sim=SimState.SWAPPED, sim_changed_at=NOW - timedelta(days=1)),
    "carrier does not answer": _shown(*BOTH, sim=SimState.UNKNOWN),
    "carrier does not answer, called back": _shown(*BOTH, "callback", sim=SimState.UNKNOWN),
    "number changed two days ago": _shown(*BOTH, contacts=(EMAIL, FRESH)),
    "password changed yesterday": _shown(*BOTH, password_changed_at=NOW - timedelta(days=1)),
    "the mailbox that asks is the only channel": _shown(*BOTH, contacts=(EMAIL,)),
    "the client never wrote": _silent,
}


def _words(ws: Installation) -> str:
    codes = sorted(_seen)
    rows = [(f"`{code}`", " ".join(sentence(code, "…"))) for code in codes]
    return "## What the answers mean\n\n" + _table(("answer", "in words"), rows)


_seen: set[str] = set()


def _cell(option: dict[str, Any]) -> str:
    if option["allowed"]:
        return "✓"
    said = []
    for reason in option["reasons"]:
        _seen.add(reason["code"])
        ends = f" ({_days(reason['until'])} d)" if reason["until"] and _days(reason["until"]) else ""
        about = f": {reason['detail']}" if reason["code"] == "evidence_missing" else ""
        said.append(f"{reason['code']}{about}{ends}")
    return "✗ " + "; ".join(said)


def _days(until: str) -> int:
    return round((datetime.fromisoformat(until) - datetime.now(UTC)) / timedelta(days=1))


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def _level(level: int) -> str:
    return {1: "Level 1", 2: "Level 2, granted", 3: "Senior"}[level]


def _span(span: timedelta) -> str:
    seconds = span.total_seconds()
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if seconds and seconds % size == 0:
            return f"{seconds / size:g} {name}"
    return "–"


def made() -> str:
    """Return the page of a new store."""
    with tempfile.TemporaryDirectory() as directory, installation(Path(directory) / "store") as ws:
        return document(ws)


if __name__ == "__main__":
    FILE.write_text(made(), encoding="utf-8")
