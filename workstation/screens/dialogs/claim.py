"""Claims of the client: writing one down, and saying what the log says of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec
from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input, Static

from workstation.screens.dialogs.base import Dialog
from workstation.services.views import Claim, MailMessage, Pin
from workstation.widgets.cells import Cell
from workstation.widgets.choices import Choice, ChoiceList
from workstation.widgets.ledger import Ledger
from workstation.widgets.packet import CLAIMS
from workstation.widgets.prose import plain
from workstation.widgets.typing import Line

#: Characters of a claim, and of a reason (the store's rules `claim_length` and `reason_too_short`).
SAID = (3, 500)
SHORTEST = 10
#: What each verdict needs, in words.
NEEDS = {
    "supported": "rests on pins: what in the log shows it",
    "contradicted": "rests on pins: what in the log shows the opposite",
    "cannot_know": f"why the log cannot tell, in {SHORTEST} characters",
    "withdrawn": f"why it counts no longer, in {SHORTEST} characters",
    "open": "nobody looked yet",
}
ON_PINS = ("supported", "contradicted")
ON_WORDS = ("cannot_know", "withdrawn")
_NO_MAIL = "none"


class Said(msgspec.Struct, frozen=True):
    """What the client says, and the mail in which he says it."""

    said: str
    mail: int | None


class Judged(msgspec.Struct, frozen=True):
    """What the log says of a claim."""

    verdict: str
    pins: tuple[int, ...]
    why: str


class ClaimDialog(Dialog[Said]):
    """Asks what the client says, and where."""

    AUTO_FOCUS = "#said"
    STAYS = True
    KEYS = (("Enter", "on: words, mail"),)

    def __init__(self, ref: str, mails: Sequence[MailMessage]) -> None:
        super().__init__(f"What the client says · {ref}")
        self.mails = [mail for mail in mails if mail.direction == "in"]

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the words and the mails."""
        yield Static(plain("One statement that the log could support or contradict, as the client puts it."))
        yield Line(id="said", max_length=SAID[1])
        mails = [Choice(key=str(m.id), label=f"mail {m.id}", detail=m.subject) for m in reversed(self.mails[-8:])]
        otherwise = Choice(key=_NO_MAIL, label="otherwise", detail="by telephone, in a form, in person")
        yield ChoiceList([*mails, otherwise], first="said in", second="subject")

    @on(Input.Submitted, "#said")
    def written(self) -> None:
        """Go on to the mails, where enough was written."""
        if self._enough():
            self.query_one(ChoiceList).focus()

    def _enough(self) -> bool:
        short = SAID[0] - len(self.query_one("#said", Line).value.strip())
        if short > 0:
            self.word(f"✗ {short} more characters: what does the client say?")
        return short <= 0

    @on(Ledger.Opened)
    def taken(self) -> None:
        """Answer."""
        choice = self.query_one(ChoiceList).chosen()
        if choice is not None and self._enough():
            mail = None if choice.key == _NO_MAIL else int(choice.key)
            self.dismiss(Said(self.query_one("#said", Line).value.strip(), mail))


class PinPicks(ChoiceList):
    """Pins, several of which may be taken: Space takes the one under the cursor, or puts it back."""

    HELP = "Pins. Space takes the one under the cursor or puts it back; Enter goes on."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "turn", "Take", show=False, id="claim.turn", tooltip="Take this pin, or put it back"),
    ]

    def __init__(self, choices: Sequence[Choice], picked: Iterable[str]) -> None:
        super().__init__(choices, first="pin", second="what it is", id="pins")
        self.picked = set(picked) & {choice.key for choice in choices}

    def cells(self, row: Choice) -> Sequence[Cell]:
        """Return the cells of a pin, with whether it is taken."""
        taken = row.key in self.picked
        return (Cell(f"{'■' if taken else '□'} {row.label}", "accent" if taken else ""), Cell(row.detail))

    def action_turn(self) -> None:
        """Take the pin under the cursor, or put it back."""
        if self.cursor is not None:
            self.picked ^= {self.cursor}
            self.redraw()


class JudgeClaimDialog(Dialog[Judged]):
    """Asks what the log says of a claim, on which pins, and why."""

    AUTO_FOCUS = "#verdicts"
    STAYS = True
    KEYS = (("Enter", "on: verdict, pins, why"), ("Space", "take a pin"))
    #: Stands for the event under the cursor, which is pinned when the judgement is given.
    NEW = 0

    def __init__(self, claim: Claim, pins: Sequence[Pin], *, event: str = "", pin: int | None = None) -> None:
        """Ask.

        Args:
            claim: which.
            pins: of the case.
            event: the event under the cursor in words, where it is to be pinned; answered as pin :data:`NEW`.
            pin: the pin that keeps it already.
        """
        super().__init__("What does the log say of it?")
        self.claim, self.pins, self.event = claim, tuple(pins), event
        self.offered = {self.NEW} if event else ({pin} if pin is not None else set())

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the claim, the verdicts, the pins and the reason."""
        yield Static(plain((f"“{self.claim.said}”"[:220], "strong")))
        verdicts = [Choice(key=key, label=CLAIMS[key].text, detail=what) for key, what in NEEDS.items()]
        yield ChoiceList(verdicts, first="verdict", second="what it needs", id="verdicts")
        new = [Choice(key=str(self.NEW), label="this event", detail=self.event)] if self.event else []
        old = [Choice(key=str(pin.id), label=f"pin {pin.id}", detail=pin.summary) for pin in self.pins]
        yield PinPicks([*new, *old], map(str, {*self.claim.pins, *self.offered}))
        yield Static(plain(("why, where the log cannot tell", "quiet")), classes="label")
        yield Line(self.claim.why, id="why", max_length=1_000)

    def on_mount(self) -> None:
        """Begin with the verdict that it has."""
        super().on_mount()
        self.query_one("#pins").styles.max_height = 6
        verdict = self.claim.verdict
        self.query_one("#verdicts", ChoiceList).move_to("supported" if verdict == "open" else verdict)

    @on(Ledger.Opened, "#verdicts")
    def verdict_taken(self) -> None:
        """Go on to what it needs."""
        verdict = self._verdict()
        if verdict in ON_PINS and not self.query_one(PinPicks).keys:
            self.word("✗ It rests on evidence: pin an event with p first, or judge with E on the event.")
        else:
            self.query_one("#pins" if verdict in ON_PINS else "#why").focus()

    @on(Ledger.Opened, "#pins")
    def pins_taken(self) -> None:
        """Go on to the words."""
        self.query_one("#why").focus()

    def _verdict(self) -> str:
        choice = self.query_one("#verdicts", ChoiceList).chosen()
        return choice.key if choice else "open"

    @on(Input.Submitted, "#why")
    def done(self, event: Input.Submitted) -> None:
        """Answer when everything is there."""
        verdict, why = self._verdict(), event.value.strip()
        pins = tuple(sorted(int(key) for key in self.query_one(PinPicks).picked))
        short = SHORTEST - len(why)
        if verdict in ON_PINS and not pins:
            self.word("✗ Take the pins that it rests on: Space on each.")
        elif verdict in ON_WORDS and short > 0:
            self.word(f"✗ {short} more characters: why?")
        else:
            self.dismiss(Judged(verdict, pins, why))
