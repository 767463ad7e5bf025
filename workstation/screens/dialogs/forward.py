"""The packet of an escalation: finding, verdict, recommended act, what the client wants; then forward it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import msgspec
from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Button, Select, Static

from workstation.screens.dialogs.base import buttons
from workstation.screens.dialogs.drafting import DraftDialog
from workstation.screens.dialogs.reason import ReasonDialog
from workstation.services.text import clean
from workstation.services.views import Option, Packet, Verdict
from workstation.widgets.packet import words
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose, counted, plain
from workstation.widgets.typing import Editor, Line, editable


class PacketDraft(msgspec.Struct, frozen=True):
    """What is journalled of a packet."""

    finding: str = ""
    verdict: str = ""
    act: str = ""
    param: str = ""
    wants: str = ""


class ForwardDialog(DraftDialog[Packet]):
    """Edits the packet and forwards the case. Forwarding is refused, naming what is missing."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "forward.tcss"]
    KIND = "packet"
    AUTO_FOCUS = "#finding"
    # A text field would take ctrl+f for itself; what the dialog is for comes first.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+f", "forward", "Forward", priority=True, id="packet.forward", tooltip="Save, and forward the case"
        ),
        Binding(
            "ctrl+g",
            "guidance",
            "Guidance",
            priority=True,
            id="packet.guidance",
            tooltip="Ask the seniors; the case stays yours",
        ),
    ]
    KEYS = (("Ctrl+S", "save"), ("Ctrl+F", "forward"), ("Ctrl+G", "guidance"), ("Tab", "on"))
    LEAVING = "close, kept"

    def __init__(self, ref: str, packet: Packet, options: Sequence[Option], draft: str) -> None:
        super().__init__(f"Packet of {ref}", packet.case_id, ref, draft)
        self.packet = packet
        self.options = {option.act: option for option in options}
        self.start = _read(draft) or self._of(packet)
        self.add_class("-full")

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the fields, what is missing, and the three ways on."""
        yield Static(plain(("finding: what happened, and how you know", "quiet")), classes="label")
        yield Editor(self.start.finding, id="finding")
        yield self._row(
            "verdict", [(words(v.value), v.value) for v in Verdict], self.start.verdict, "what you commit to"
        )
        acts = [(option.title, act) for act, option in self.options.items()]
        yield self._row("act", acts, self.start.act, "what you recommend")
        yield self._row("param", self._params(self.start.act), self.start.param, "to which")
        yield Horizontal(
            Static(plain("client wants")), Line(self.start.wants, id="wants", max_length=400), classes="row"
        )
        yield Pane(id="missing")
        yield buttons(("no", "Close"), ("ask", "Ask guidance …"), ("save", "Save and check"), ("yes", "Forward"))

    def _row(self, name: str, choices: Sequence[tuple[str, str]], value: str, prompt: str) -> Horizontal:
        start = value if any(value == key for _, key in choices) else Select.NULL
        select = Select(
            [(plain(label), key) for label, key in choices], id=name, compact=True, prompt=prompt, value=start
        )
        return Horizontal(Static(plain({"param": "on"}.get(name, name))), select, classes="row")

    def _params(self, act: str) -> list[tuple[str, str]]:
        option = self.options.get(act)
        return [(label, value) for value, label in option.params] if option else []

    def on_mount(self) -> None:
        """Show what is missing."""
        super().on_mount()
        self._show_params(bool(self._params(self.start.act)))
        self._write_missing()

    def _write_missing(self) -> None:
        prose = Prose()
        if self.packet.returned_note:
            prose.line(("↩ returned: ", "strong"), self.packet.returned_note)
        if self.packet.missing:
            prose.line(("missing", "strong"))
        for what in self.packet.missing:
            prose.line(("  □ ", "accent"), what)
        if not self.packet.missing:
            prose.line(("✓ nothing is missing", "accent"))
        prose.line((f"evidence: {counted(len(self.packet.pins), 'pin')} · p on the timeline adds one", "quiet"))
        self.query_one("#missing", Pane).write(prose.content())

    @on(Select.Changed, "#act")
    def act_chosen(self, event: Select.Changed) -> None:
        """Offer what the act can be done to."""
        params = self._params(str(event.value))
        select = self.query_one("#param", Select)
        before = select.value
        select.set_options([(plain(label), value) for label, value in params])
        if any(before == value for _, value in params):
            select.value = before
        self._show_params(bool(params))

    def _show_params(self, shown: bool) -> None:
        row = self.query_one("#param", Select).parent
        if isinstance(row, Horizontal):
            row.display = shown

    # -- writing ---------------------------------------------------------------------------------------

    def _chosen(self, name: str) -> str:
        value = self.query_one(f"#{name}", Select).value
        return value if isinstance(value, str) else ""

    def _draft(self) -> PacketDraft:
        finding, wants = self.query_one("#finding", Editor).text, self.query_one("#wants", Line).value
        return PacketDraft(finding, self._chosen("verdict"), self._chosen("act"), self._chosen("param"), wants)

    def written(self) -> str:
        """Return the draft as JSON, or ``""`` when it is what the store has."""
        draft = self._draft()
        return "" if draft == self._of(self.packet) else msgspec.json.encode(draft).decode()

    def _of(self, packet: Packet) -> PacketDraft:
        """Return `packet` as the fields show it: cleaned, and with what can be chosen."""
        act = packet.act if packet.act in self.options else ""
        param = str(next(iter(packet.params.values()), ""))
        param = param if any(param == value for _, value in self._params(act)) else ""
        verdict = packet.verdict if packet.verdict in set(Verdict) else ""
        return PacketDraft(editable(packet.finding), verdict, act, param, clean(packet.wants))

    def _changed_packet(self) -> Packet:
        draft = self._draft()
        option = self.options.get(draft.act)
        params: dict[str, Any] = {option.param_name: draft.param} if option and draft.param else {}
        return msgspec.structs.replace(
            self.packet, finding=draft.finding, verdict=draft.verdict, act=draft.act, params=params, wants=draft.wants
        )

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Save, ask, forward, or close."""
        match event.button.id:
            case "save":
                self.action_finish()
            case "yes":
                self.action_forward()
            case "ask":
                self.action_guidance()
            case _:
                self.action_leave()

    def action_finish(self) -> None:
        """Save, and say what is missing."""
        self._save()

    def action_forward(self) -> None:
        """Save and forward; refused where something is missing."""
        self._forward()

    def action_guidance(self) -> None:
        """Ask the seniors a question."""
        self._ask()

    async def _store(self) -> None:
        self.packet = await self.desk.save_packet(self.case, self._changed_packet())
        await self.drop_draft()
        self._write_missing()

    @work(group="send", name="save the packet", exclusive=True, exit_on_error=False)
    async def _save(self) -> None:
        await self._store()
        self.word("Saved." if self.packet.missing else "Saved; it can be forwarded.", "accent")

    @work(group="send", name="forward the packet", exclusive=True, exit_on_error=False)
    async def _forward(self) -> None:
        await self._store()
        if self.packet.missing:
            self.word("✗ Not forwarded: something is missing.")
        else:
            self.dismiss(await self.desk.forward(self.case))

    @work(group="ask", name="ask for guidance", exclusive=True, exit_on_error=False)
    async def _ask(self) -> None:
        dialog = ReasonDialog(
            "Ask for guidance", "The case stays yours; a senior answers.", yes="Ask", label="question"
        )
        question = await self.app.push_screen_wait(dialog)
        if question:
            await self.desk.ask_guidance(self.case, question)
            self.word("Asked. The case stays yours.", "accent")


def _read(text: str) -> PacketDraft | None:
    try:
        return msgspec.json.decode(text, type=PacketDraft) if text else None
    except msgspec.DecodeError:
        return None
