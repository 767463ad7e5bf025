"""Breaking the glass: one person alone, for one case, for thirty minutes, and somebody judges it within a day."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import msgspec
from textual import on
from textual.containers import Horizontal
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from workstation.screens.dialogs.arm import LONGEST, SHORTEST
from workstation.screens.dialogs.base import Dialog, buttons
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose, plain
from workstation.widgets.typing import Line


class Broken(msgspec.Struct, frozen=True):
    """For which incident, and why."""

    incident: str
    reason: str


class BreakGlassDialog(Dialog[Broken]):
    """Says what it opens and what it never opens before it asks for anything."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "break_glass.tcss"]
    AUTO_FOCUS = "#no"
    KEYS = (("Tab", "on"), ("Enter", "take the button"))

    def __init__(self, ref: str, account: str) -> None:
        super().__init__(f"Break the glass · {ref}")
        self.ref, self.account = ref, account

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield what it means, the two fields, and the answers with the safe one first."""
        meaning = Pane(self._meaning().content())
        meaning.can_focus = False
        yield meaning
        yield Horizontal(
            Static(plain("incident")), Line(id="incident", max_length=20, placeholder="INC-1234"), classes="row"
        )
        yield Horizontal(Static(plain("reason")), Line(id="reason", max_length=LONGEST), classes="row")
        yield buttons(("no", "Leave it"), ("yes", "Break the glass"))

    def _meaning(self) -> Prose:
        prose = Prose().pair("for", f"{self.ref}, account {self.account}, this case alone", "strong")
        prose.pair("opens", "✓ acts that protect")
        prose.pair("", "✓ alone: taking back our own lock of the last 24 hours,")
        prose.pair("", "  where nothing has happened to the account since")
        prose.pair("never opens", "✗ anything of tier 3: factors, addresses, passkeys")
        prose.pair("", "✗ the client's own lock: nobody can")
        prose.pair("lasts", "◷ 30 minutes at most", "time")
        prose.pair("is told", "every lead of the team at once; the client of every act")
        prose.pair("after it", "a lead who is not you judges it within 24 hours;")
        return prose.pair("", "until that is done in time, you cannot enter elevated mode")

    def on_mount(self) -> None:
        """Nothing is written yet."""
        super().on_mount()
        self._judge()

    @on(Input.Changed)
    def changed(self) -> None:
        """Say what is missing."""
        self._judge()

    def _missing(self) -> str:
        incident = self.query_one("#incident", Line).value.strip()
        short = SHORTEST - len(self.query_one("#reason", Line).value.strip())
        if not incident:
            return "Name the incident, such as INC-1234."
        return f"The reason needs {short} more characters." if short > 0 else ""

    def _judge(self) -> None:
        missing = self._missing()
        self.query_one("#yes", Button).disabled = bool(missing)
        self.word(missing or "Everybody named above is told the moment you do this.", "quiet" if missing else "strong")

    @on(Input.Submitted)
    def entered(self) -> None:
        """Go on to the next field; Enter in a field breaks nothing."""
        self.focus_next()

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Answer, or leave."""
        if event.button.id != "yes":
            self.dismiss(None)
        elif not self._missing():
            incident = self.query_one("#incident", Line).value.strip().upper()
            self.dismiss(Broken(incident, self.query_one("#reason", Line).value.strip()))
