"""Step-up: prove that you are here, by the security key or, where that is the policy, a code."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input, Static

from workstation.screens.dialogs.base import Dialog
from workstation.services.desk import Desk
from workstation.services.views import Elevation, StepUpMethod
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose, plain
from workstation.widgets.times import countdown
from workstation.widgets.typing import Line

#: Seconds that a security key waits for a touch (the desk's promise).
TOUCH_S = 60.0
#: How often, and after how many seconds each time, it is looked whether the software key is asked by now.
ASKED_TRIES, ASKED_S = 20, 0.1
NAMES = {"fido2": "security key", "idp": "identity provider", "totp": "code of the authenticator app"}
#: What is to be done while a proof is waited for.
DO = {"fido2": "Touch your key.", "idp": "Sign in on the page of the identity provider."}


class StepUpDialog(Dialog[Elevation]):
    """Waits for a touch, or asks for a code. Esc leaves and nothing is elevated."""

    AUTO_FOCUS = "#what"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "touch", "Touch", id="step-up.touch", tooltip="Demo: touch the software key"),
        Binding("r", "again", "Again", id="step-up.again", tooltip="Try the key again"),
        Binding("ctrl+t", "other", "Other way", id="step-up.other", tooltip="Use the other method"),
    ]

    def __init__(
        self, purpose: str, methods: Sequence[StepUpMethod], bind: bytes | None, *, desk: Desk | None = None
    ) -> None:
        """Ask for a proof on `desk`, by default that of whoever is signed in."""
        super().__init__("Step-up")
        self.purpose, self.bind_to = purpose, bind
        self.methods = tuple(method.kind for method in methods if method.offered)
        self.absent = tuple(method for method in methods if not method.offered and method.why)
        self.method = self.methods[0] if self.methods else ""
        self._desk = desk
        self._since = 0.0

    @property
    def desk(self) -> Desk:
        """The desk that is stepped up on."""
        return self._desk if self._desk is not None else super().desk

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield what it is for, what to do, and the field of a code."""
        yield Static(plain((self.purpose, "strong")))
        yield Pane(id="what")
        proof = Line(id="proof", max_length=12, placeholder="six digits, then Enter", password=True)
        yield proof

    def on_mount(self) -> None:
        """Begin with the best method."""
        super().on_mount()
        self.set_interval(1.0, self._write)
        self._begin()

    # -- the two ways ----------------------------------------------------------------------------------

    def _begin(self) -> None:
        proof = self.query_one("#proof", Line)
        proof.display = self.method == "totp"
        self._since = self.host.clock.monotonic()
        self.word("")
        if self.method in ("fido2", "idp"):
            self._prove(self.method, "")
        elif self.method == "totp":
            proof.focus()
        self._write()
        self.refresh_bindings()

    @work(group="prove", name="step up", exclusive=True, exit_on_error=False)
    async def _prove(self, method: str, code: str) -> None:
        elevation = await self.desk.step_up(method, code, self.bind_to)
        self.dismiss(elevation)

    def failed(self, group: str, error: BaseException) -> None:
        """Say why, and how to try again."""
        super().failed(group, error)
        self.query_one("#proof", Line).value = ""
        self._write()
        self.refresh_bindings()

    @property
    def proving(self) -> bool:
        """Whether a proof is being waited for."""
        return any(worker.group == "prove" and worker.is_running for worker in self.workers if worker.node is self)

    def _write(self) -> None:
        prose = Prose()
        if not self.methods:
            prose.line(("✗  No way to step up is set up for you.", "strong")).line(
                "A lead can enrol your security key."
            )
        elif self.method in ("fido2", "idp"):
            rest = countdown(TOUCH_S - (self.host.clock.monotonic() - self._since))
            if self.proving:
                prose.line((f"◉  {DO[self.method]}", "strong"), (f"   ◷ {rest}", "time"))
                if self.host.demo and self.method == "fido2":
                    prose.line(("t", "accent"), (" touches the software key of the demo.", "quiet"))
            else:
                prose.line(("◌  There was no proof.", "strong"), "   ", ("r", "accent"), (" tries again.", "quiet"))
        else:
            prose.line(("Type the code that your authenticator shows now.", "strong"))
        others = [NAMES.get(m, m) for m in self.methods if m != self.method]
        if others:
            prose.line(("ctrl+t", "accent"), (f" uses the {' or the '.join(others)} instead.", "quiet"))
        for method in self.absent:
            prose.line((f"no {NAMES.get(method.kind, method.kind)}: {method.why}", "quiet"))
        self.query_one("#what", Pane).write(prose.content())

    # -- keys ------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what helps now."""
        if action == "touch":
            return self.host.demo and self.method == "fido2" and self.proving
        if action == "again":
            return self.method in ("fido2", "idp") and not self.proving
        if action == "other":
            return len(self.methods) > 1
        return True

    def action_touch(self) -> None:
        """Touch the software key; the proof that waits for it goes on by itself."""
        self._touch()

    @work(group="touch", name="touch the software key", exclusive=True, exit_on_error=False)
    async def _touch(self) -> None:
        for _ in range(ASKED_TRIES):
            if await self.desk.touch():
                return
            # The question is on its way to the key: a quick hand is quicker.
            await asyncio.sleep(ASKED_S)
        self.word("✗ No software key is asked here; touch the real one.")

    def action_again(self) -> None:
        """Wait for the key again."""
        self._begin()

    def action_other(self) -> None:
        """Use the next method."""
        at = self.methods.index(self.method)
        self.method = self.methods[(at + 1) % len(self.methods)]
        self.workers.cancel_group(self, "prove")
        self._begin()

    @on(Input.Submitted, "#proof")
    def code_typed(self, event: Input.Submitted) -> None:
        """Try the code."""
        if event.value.strip():
            self._prove("totp", event.value.strip())

    def action_leave(self) -> None:
        """Wait no longer."""
        self.workers.cancel_group(self, "prove")
        self.dismiss(None)
