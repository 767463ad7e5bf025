"""What may be done now, what not, and why not: in calm words, with the time at which each reason ends by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from workstation.services.views import Option, ProofNeed, WhyNot
from workstation.widgets.cells import Cell
from workstation.widgets.packet import words
from workstation.widgets.prose import Prose
from workstation.widgets.times import left, span

#: The tier that is closed to everybody (SECURITY.md 2).
NEVER_TIER = 4


def standing(option: Option) -> Cell:
    """Return whether an act may be asked for, in a word: now, not now, or never."""
    if option.tier >= NEVER_TIER:
        return Cell("⊘ never", "quiet")
    return Cell("✓ now", "accent") if option.allowed else Cell("◷ not now", "")


def terms(option: Option) -> str:
    """Return the terms of an act in a few words: its weight, who agrees, how long it waits."""
    if option.tier >= NEVER_TIER:
        return "closed to everybody"
    agree = f"{option.approvals} more" if option.approvals else "you alone"
    wait = f", waits {span(option.cooldown_s)}" if option.cooldown_s else ""
    return f"tier {option.tier}, {agree}{wait}"


def why_nots(option: Option) -> tuple[WhyNot, ...]:
    """Return every reason against an act now; the text alone where the store gave no list."""
    if option.allowed or option.reasons:
        return option.reasons
    return (WhyNot(code="", what=option.why_not or "It is not allowed."),)


def write_reasons(prose: Prose, reasons: Sequence[WhyNot], now: datetime) -> None:
    """Add each reason with when it ends and what can be done."""
    for reason in reasons:
        prose.line(("✗ ", "strong"), (reason.what, "strong"))
        if reason.until is not None:
            rest = left(reason.until - now)
            prose.line(
                ("  ◷ ", "time"), (f"ends by itself {reason.until:%Y-%m-%d %H:%MZ}", "time"), (f", in {rest}", "quiet")
            )
        if reason.do:
            prose.line(("  → ", "accent"), reason.do)


def write_option(prose: Prose, option: Option, now: datetime) -> None:
    """Add what an act does, or why it cannot be asked for."""
    if option.tier >= NEVER_TIER:
        prose.line(("⊘ ", "strong"), ("Nobody may do this, at no level, with broken glass neither.", "strong"))
        prose.line(option.effect if option.effect not in ("", "–") else "The client's own lock binds staff too.")
    elif option.allowed:
        prose.line((option.effect, "strong"))
        back = "It can be undone." if option.reversible else "It cannot be undone."
        prose.line(f"{back} {'It needs elevated mode.' if option.needs_elevation else ''}".strip())
        write_needs(prose, option.proof_needs)
    else:
        write_reasons(prose, why_nots(option), now)


def write_needs(prose: Prose, needs: Sequence[ProofNeed], label: str = "") -> None:
    """Add the classes of evidence that an act needs, present or missing; `label` stands before the first."""
    for n, need in enumerate(needs):
        which = " or ".join(words(one) for one in need.any_of)
        sign = ("✓ ", "accent") if need.met else ("□ ", "strong")
        head = [(label if n == 0 else " " * len(label), "quiet")] if label else []
        prose.line(*head, sign, which, ("" if need.met else "  is missing", "quiet"))
