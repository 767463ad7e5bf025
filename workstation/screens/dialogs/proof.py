"""Recording what a piece of evidence proves: a pin, one class, and a sentence on what it shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from textual import on
from textual.widget import Widget
from textual.widgets import Input, Static

from workstation.screens.dialogs.base import Dialog
from workstation.services.views import Pin, Proof
from workstation.widgets.choices import Choice, ChoiceList
from workstation.widgets.ledger import Ledger
from workstation.widgets.prose import plain
from workstation.widgets.typing import Line

#: Characters of the note (the store's rule `note_too_short`).
SHORTEST = 10
#: The classes of evidence, and what each may be.
CLASSES = {
    "proofing": "live video, or a photo with ticket number and date",
    "possession": "recovery code, other passkey, known device or address",
    "callback": "a call to a number unchanged for 30 days",
}


class Proves(msgspec.Struct, frozen=True):
    """Which pin, of which class, and what it shows."""

    pin: int
    proof_class: str
    note: str


class ProofDialog(Dialog[Proves]):
    """Asks which pin shows that the client is the client, and how."""

    AUTO_FOCUS = "#pins"
    STAYS = True
    KEYS = (("Enter", "on: pin, class, note"),)

    def __init__(self, ref: str, pins: Sequence[Pin], proofs: Sequence[Proof], pin: int | None = None) -> None:
        super().__init__(f"What a pin proves · {ref}")
        self.pins, self.start = tuple(pins), pin
        self.known = {proof.pin: proof for proof in proofs}

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield pins, classes and the note."""
        pins = [
            Choice(key=str(pin.id), label=f"pin {pin.id}", detail=pin.summary, why_not=self._taken(pin))
            for pin in self.pins
        ]
        yield ChoiceList(pins, first="pin", second="what it is", id="pins")
        classes = [Choice(key=key, label=key, detail=what) for key, what in CLASSES.items()]
        yield ChoiceList(classes, first="class", second="what counts", id="classes")
        yield Static(plain((f"what it shows, at least {SHORTEST} characters", "quiet")), classes="label")
        yield Line(id="note", max_length=500)

    def _taken(self, pin: Pin) -> str:
        proof = self.known.get(pin.id)
        return f"stands for {proof.proof_class} already: {proof.note}" if proof else ""

    def on_mount(self) -> None:
        """Begin with the pin under the cursor of the timeline."""
        super().on_mount()
        if self.start is not None:
            self.query_one("#pins", ChoiceList).move_to(str(self.start))
        self.word("Whoever records a proof in a case does not approve in it.", "quiet")

    @on(Ledger.Opened, "#pins")
    def pin_chosen(self) -> None:
        """Go on to the class, unless the pin stands for one."""
        choice = self.query_one("#pins", ChoiceList).chosen()
        if choice is not None and choice.why_not:
            self.word(f"✗ This pin {choice.why_not}. Two classes need two items.")
        else:
            self.query_one("#classes", ChoiceList).focus()

    @on(Ledger.Opened, "#classes")
    def class_chosen(self) -> None:
        """Go on to the note."""
        self.query_one("#note", Line).focus()

    @on(Input.Submitted, "#note")
    def done(self, event: Input.Submitted) -> None:
        """Answer when everything is there."""
        pin, kind = self.query_one("#pins", ChoiceList).chosen(), self.query_one("#classes", ChoiceList).chosen()
        short = SHORTEST - len(event.value.strip())
        if pin is None or kind is None or pin.why_not:
            self.word("✗ Choose a pin that stands for nothing yet.")
        elif short > 0:
            self.word(f"✗ {short} more characters.")
        else:
            self.dismiss(Proves(int(pin.key), kind.key, event.value.strip()))
