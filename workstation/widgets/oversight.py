"""What leads and auditors watch: alerts that nobody has taken note of, and broken glass that waits for a judgement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual.content import Content

from workstation.services.views import Alert, Look, Review
from workstation.widgets import empty
from workstation.widgets.cells import Cell, Column
from workstation.widgets.ledger import Ledger
from workstation.widgets.packet import words
from workstation.widgets.prose import Prose
from workstation.widgets.times import ago, left

ALERTS = (
    Column(key="at", title="at (UTC)", width=16, keep=20),
    Column(key="kind", title="what", width=18, keep=19, most=26),
    Column(key="about", title="about", width=12, keep=18),
    Column(key="text", title="in words", width=16, keep=17, flex=True),
)
REVIEWS = (
    Column(key="due", title="judge in", width=9, keep=20),
    Column(key="who", title="who broke it", width=14, keep=19, most=20),
    Column(key="incident", title="incident", width=12, keep=18),
    Column(key="case", title="case", width=9, keep=17),
    Column(key="reason", title="reason", width=12, keep=16, flex=True),
)
LOOKS = (
    Column(key="at", title="last (UTC)", width=16, keep=20),
    Column(key="who", title="who", width=14, keep=19, most=20),
    Column(key="why", title="why", width=14, keep=18, flex=True),
    Column(key="read", title="read", width=4, keep=16, right=True),
    Column(key="shown", title="revealed", width=8, keep=17, right=True),
)


class LookLedger(Ledger[int, Look]):
    """Who looked at one client's account, the latest first."""

    HELP = "Who looked at this account, when and why. w asks for another one."

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(LOOKS, empty.empty("No account is asked for.", "w asks who looked at one."), id=id)

    def cells(self, row: Look) -> Sequence[Cell]:
        """Return the cells of a look."""
        return (
            Cell(f"{row.last_at:%Y-%m-%d %H:%M}", "quiet"),
            Cell(row.name, "strong"),
            Cell(purpose(row), "strong" if row.kind == "reason" else ""),
            Cell(str(len(row.looked)), "" if row.looked else "quiet"),
            Cell(", ".join(one.field for one in row.reveals) or "–", "strong" if row.reveals else "quiet"),
        )


class AlertLedger(Ledger[int, Alert]):
    """Alerts, newest first."""

    HELP = "What a lead must see the same day. Enter takes note of the one under the cursor; that is on record."

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(ALERTS, empty.loading("the alerts"), id=id)

    def cells(self, row: Alert) -> Sequence[Cell]:
        """Return the cells of an alert."""
        at = Cell(f"{row.at:%Y-%m-%d %H:%M}", "quiet")
        return (at, Cell(words(row.kind), "strong"), Cell(row.about_name or row.about), Cell(row.text))


class ReviewLedger(Ledger[int, Review]):
    """Broken glass, the one that is due first on top."""

    HELP = "Broken glass that somebody else must judge within a day. Enter opens the judgement."

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(REVIEWS, empty.loading("the reviews"), id=id)
        self.now: datetime | None = None

    def cells(self, row: Review) -> Sequence[Cell]:
        """Return the cells of a breaking of the glass."""
        rest = left(row.due_at - self.now) if self.now is not None else ""
        return (
            Cell(f"{rest} ‼" if row.late else rest, "time"),
            Cell(row.name, "strong"),
            Cell(f"{'DRILL ' if row.drill else ''}{row.incident}"),
            Cell(row.case_ref or "–"),
            Cell(row.reason),
        )


def purpose(look: Look) -> str:
    """Return what somebody looked for: the case, or the typed reason."""
    return look.reason if look.kind == "reason" else f"{look.kind} {look.case_ref}".strip()


def look_whole(row: Look) -> Content:
    """Return a look whole: who, why, what was read, and what was revealed for which reason."""
    prose = Prose().pair("who", f"{row.name} ({row.login}), level {row.level}, {row.role}", "strong")
    prose.line((f"{'why':<13}", "quiet"), (purpose(row), "strong"))
    prose.pair("from", f"{row.first_at:%Y-%m-%d %H:%M:%SZ} to {row.last_at:%Y-%m-%d %H:%M:%SZ}")
    prose.line((f"{'read':<13}", "quiet"), ", ".join(row.looked) or "nothing: the right was taken and not used")
    for n, one in enumerate(row.reveals):
        head = "revealed" if n == 0 else ""
        prose.line((f"{head:<13}", "quiet"), (one.field, "strong"), f" {one.at:%H:%M:%SZ}: {one.reason}")
    return prose.content()


def alert_whole(row: Alert, now: datetime) -> Content:
    """Return an alert whole."""
    prose = Prose().pair("what", words(row.kind), "strong")
    prose.pair("about", f"{row.about_name} ({row.about})" if row.about else "nobody in particular")
    prose.pair("at", f"{row.at:%Y-%m-%d %H:%M:%SZ}, {ago(now - row.at)} ago")
    if row.case_id is not None:
        prose.pair("case", f"CS-{row.case_id}")
    return prose.gap().block(row.text).gap().line(("Enter takes note of it; that is on record.", "quiet")).content()


def review_whole(row: Review, now: datetime) -> Content:
    """Return a breaking of the glass whole: who, for what, and what was asked for under it."""
    prose = Prose().pair("broken by", f"{row.name} ({row.login})", "strong")
    prose.pair("incident", f"{'DRILL, nothing was opened: ' if row.drill else ''}{row.incident}", "strong")
    prose.pair("case", row.case_ref or "none")
    prose.pair("at", f"{row.started_at:%Y-%m-%d %H:%M:%SZ}, {ago(now - row.started_at)} ago")
    due = f"‼ LATE by {left(now - row.due_at)}" if row.late else f"◷ {left(row.due_at - now)}"
    prose.pair("judge by", f"{row.due_at:%Y-%m-%d %H:%MZ}  {due}", "time")
    prose.line((f"{'reason':<13}", "quiet"), row.reason)
    for n, act in enumerate(row.acts or ("nothing was asked for under it",)):
        prose.pair("" if n else "used for", act)
    if row.late:
        prose.line(("Until somebody judges it, this person cannot enter elevated mode.", "strong"))
    return prose.content()
