"""Arming one act: what, to whom, with what effect, on what evidence, and who must still agree.

The safe answer has the focus. The act is armed by typing the account's short id, never by one key, and
even then it is only asked for: policy, approval and cool-down follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from textual import on
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Button, Input, Select, Static

from workstation.screens.dialogs.base import Dialog, buttons
from workstation.services.accounts.model import Account
from workstation.services.text import clean, group4
from workstation.services.views import REASON_CODES, Option, Pin
from workstation.widgets.cells import fit
from workstation.widgets.packet import words
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose, plain
from workstation.widgets.standing import write_needs
from workstation.widgets.times import countdown, span
from workstation.widgets.typing import Line

#: Characters of a reason (SECURITY.md 2).
SHORTEST, LONGEST = 20, 2_000
#: Pins that are named one by one.
PINS = 2
#: Cells of a label, the same as of the fields below; and of a fact beside it, in the narrowest terminal.
LABEL = 15
FACT = 57
#: Characters of an account id that are typed; of a longer one the last of them.
SHORT_ID = 8


class Armed(msgspec.Struct, frozen=True):
    """What was armed: the parameters, and the reason as a code and in words."""

    params: dict[str, Any]
    reason_code: str
    reason_text: str


class ArmDialog(Dialog[Armed]):
    """The only way to ask for an act."""

    AUTO_FOCUS = "#no"
    KEYS = (("Tab", "on"), ("Enter", "take the button"))

    def __init__(
        self,
        option: Option,
        account: Account,
        pins: Sequence[Pin],
        params: dict[str, Any] | None = None,
        *,
        approvers: Sequence[str] | None = None,
        policy: str = "",
        now: datetime,
    ) -> None:
        """Arm `option`; `approvers` are the names of those who could agree, None where that was not asked."""
        super().__init__(f"Arm: {option.title}")
        self.option, self.account, self.pins, self.fixed = option, account, tuple(pins), params
        self.approvers, self.policy, self.now = approvers, policy, now
        self.short = short_id(account.id)

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the facts, then the fields, then the answers with the safe one first."""
        facts = Pane(self._facts().content())
        facts.can_focus = False
        yield facts
        if self.option.params and self.fixed is None:
            choices = [(plain(label), value) for value, label in self.option.params]
            with_prompt = Select(choices, id="param", compact=True, prompt=f"which {words(self.option.param_name)}")
            yield Horizontal(Static(plain(words(self.option.param_name))), with_prompt, classes="row")
        codes = Select(
            [(plain(code), code) for code in self.option.reason_codes or REASON_CODES],
            id="code",
            compact=True,
            prompt="reason code",
        )
        yield Horizontal(Static(plain("reason code")), codes, classes="row")
        yield Horizontal(Static(plain("reason")), Line(id="text", max_length=LONGEST), classes="row")
        yield Horizontal(Static(plain(f"type {group4(self.short)}")), Line(id="typed", max_length=20), classes="row")
        yield buttons(("no", "Leave it"), ("yes", "Ask for this act"), hostile=self._hostile())

    def _hostile(self) -> str:
        return "" if self.option.reversible else "yes"

    def on_mount(self) -> None:
        """Nothing is armed yet."""
        super().on_mount()
        self._judge()

    def _facts(self) -> Prose:
        option = self.option
        prose = Prose().pair("object", f"account {group4(self.account.id)}, {self.account.status}", "strong", LABEL)
        prose.pair("effect", option.effect, "strong", width=LABEL)
        if self.fixed:
            labels = dict(option.params)
            on = ", ".join(f"{words(key)} {value} {labels.get(str(value), '')}" for key, value in self.fixed.items())
            prose.pair("on", on, "strong", width=LABEL)
        if option.reversible:
            prose.pair("undo", "can be undone", width=LABEL)
        else:
            prose.pair("undo", "✗ CANNOT BE UNDONE", "hostile", width=LABEL)
        self._write_who_agrees(prose)
        self._write_clocks(prose)
        shown = [f"pin {pin.id} {pin.summary}" for pin in self.pins[:PINS]]
        if len(self.pins) > PINS:
            shown[-1] = f"pin {self.pins[PINS - 1].id} and {len(self.pins) - PINS} more"
        for n, pin in enumerate(shown or ["none is pinned"]):
            prose.pair("" if n else "evidence", fit(clean(pin), FACT).rstrip(), "" if shown else "strong", width=LABEL)
        write_needs(prose, option.proof_needs, f"{'it proves':<{LABEL}}")
        if self.policy:
            prose.pair("policy", self.policy, "quiet", width=LABEL)
        return prose

    def _write_who_agrees(self, prose: Prose) -> None:
        count = self.option.approvals
        others = {0: "nobody else", 1: "one more person, who is not of this case"}
        prose.pair("must agree", others.get(count, f"{count} more people, none of this case"), width=LABEL)
        if not count or self.approvers is None:
            return
        if len(self.approvers) < count:
            prose.pair(
                "",
                f"✗ only {len(self.approvers)} could: {', '.join(self.approvers) or 'nobody'}",
                "strong",
                width=LABEL,
            )
        else:
            prose.pair("", fit(f"could now: {', '.join(self.approvers)}", FACT).rstrip(), "quiet", width=LABEL)

    def _write_clocks(self, prose: Prose) -> None:
        option = self.option
        if option.cooldown_s:
            until = self.now + timedelta(seconds=option.cooldown_s)
            prose.pair(
                "waits", f"◷ {countdown(option.cooldown_s)}, not before {until:%Y-%m-%d %H:%MZ}", "time", width=LABEL
            )
        if option.vetoable:
            ends = "then" if option.cooldown_s else "it is done"
            prose.pair("client", f"is told on all verified channels; can stop it until {ends}", width=LABEL)
        if option.hold_s:
            prose.pair("after it", f"withdrawals rest {span(option.hold_s)}", width=LABEL)

    # -- judging ---------------------------------------------------------------------------------------

    @on(Input.Changed)
    @on(Select.Changed)
    def changed(self) -> None:
        """Judge again."""
        self._judge()

    def _missing(self) -> str:
        """Return what is still missing, as a sentence; ``""`` when the act is armed."""
        text = self.query_one("#text", Line).value.strip()
        typed = self.query_one("#typed", Line).value
        if self.option.params and self.fixed is None and not isinstance(self.query_one("#param", Select).value, str):
            return f"Choose which {words(self.option.param_name)}."
        if not isinstance(self.query_one("#code", Select).value, str):
            return "Choose a reason code."
        if len(text) < SHORTEST:
            return f"The reason needs {SHORTEST - len(text)} more characters."
        if "".join(typed.split()).upper() != self.short.upper():
            return f"Type {group4(self.short)} to arm it."
        return ""

    def _judge(self) -> None:
        missing = self._missing()
        self.query_one("#yes", Button).disabled = bool(missing)
        self.word(missing or "▲ ARMED: this one act, on this one account.", "quiet" if missing else "elevated")

    @on(Input.Submitted)
    def entered(self) -> None:
        """Go on to the next field; Enter in a field never asks for the act."""
        self.focus_next()

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Answer with what was armed, or leave."""
        if event.button.id != "yes":
            self.dismiss(None)
        elif not self._missing():
            self.dismiss(Armed(self._params(), str(self.query_one("#code", Select).value), self._text()))

    def _text(self) -> str:
        return self.query_one("#text", Line).value.strip()

    def _params(self) -> dict[str, Any]:
        if self.fixed is not None:
            return dict(self.fixed)
        if not self.option.params:
            return {}
        return {self.option.param_name: str(self.query_one("#param", Select).value)}


def short_id(account: str) -> str:
    """Return what is typed for an account: its id, or the last eight characters of a longer one."""
    return account if len(account) <= SHORT_ID else account[-SHORT_ID:]
