"""A mail to the client: to the address on record, in their language, with the English beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec
from textual import on, work
from textual.containers import Horizontal, Vertical
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Button, Select, Static

from workstation.screens.dialogs.base import buttons
from workstation.screens.dialogs.drafting import DraftDialog
from workstation.services.views import MailMessage, Template
from workstation.widgets.account_card import masked
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose, plain
from workstation.widgets.typing import Editor, Line, editable


class MailDraft(msgspec.Struct, frozen=True):
    """What is journalled of a mail."""

    subject: str = ""
    body: str = ""
    template: str = ""


class ReplyDialog(DraftDialog[MailMessage]):
    """The mail editor. The recipient is what it was when this opened and cannot be typed."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "reply.tcss"]
    KIND = "mail"
    AUTO_FOCUS = "#body"
    KEYS = (("Ctrl+S", "send, 15 s to recall"), ("Tab", "on"))

    def __init__(self, case: int, ref: str, to: str, language: str, templates: Sequence[Template], draft: str) -> None:
        super().__init__(f"Mail on {ref}", case, ref, draft)
        self.to, self.language = to, language
        self.templates = {template.key: template for template in templates}
        self.start = read_draft(draft)
        self.add_class("-full")

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield recipient, template, subject, text and English."""
        to = plain(
            (masked(self.to) or "no address is safe", "strong"),
            ("  frozen · verified before the trouble", "quiet"),
        )
        yield Horizontal(Static(plain("to")), Static(to, id="to"), classes="row")
        choices = [(plain(f"{t.title} ({t.language})"), key) for key, t in self.templates.items()]
        start = self.start.template if self.start.template in self.templates else Select.NULL
        template = Select(choices, id="template", compact=True, prompt="none, written by hand", value=start)
        yield Horizontal(Static(plain("template")), template, classes="row")
        yield Horizontal(
            Static(plain("subject")), Line(self.start.subject, id="subject", max_length=200), classes="row"
        )
        yield Horizontal(
            Vertical(
                Static(plain((f"text · {self.language or 'language unknown'}", "quiet")), classes="label"),
                Editor(self.start.body, id="body"),
                id="theirs",
            ),
            Vertical(Static(plain(("in English, to read", "quiet")), classes="label"), Pane(id="english"), id="ours"),
            id="texts",
        )
        yield buttons(("no", "Close, keep draft"), ("yes", "Send"))

    def on_mount(self) -> None:
        """Show the English of the template that the draft rests on."""
        super().on_mount()
        self._english(self.start.template)
        if not self.start.body:
            # Most answers begin with a template; whoever writes by hand tabs on.
            self.query_one("#template", Select).focus()
        if not self.to:
            self.word("✗ No address was verified before the trouble began: a senior must decide where a reply may go.")
            self.query_one("#yes", Button).disabled = True

    def written(self) -> str:
        """Return the draft as JSON, or ``""`` when nothing was written."""
        draft = self._draft()
        return msgspec.json.encode(draft).decode() if draft.subject or draft.body else ""

    def _draft(self) -> MailDraft:
        template = self.query_one("#template", Select).value
        return MailDraft(
            self.query_one("#subject", Line).value,
            self.query_one("#body", Editor).text,
            template if isinstance(template, str) else "",
        )

    @on(Select.Changed, "#template")
    def template_chosen(self, event: Select.Changed) -> None:
        """Put the template's text in, where nothing was written yet or only another template's."""
        chosen = self.templates.get(str(event.value))
        if chosen is None:
            return
        body, subject = self.query_one("#body", Editor), self.query_one("#subject", Line)
        known = {"", *(editable(t.body).strip() for t in self.templates.values())}
        if body.text.strip() in known:
            body.replace_all(chosen.body)
            subject.replace_all(chosen.subject)
        elif body.text != editable(self.start.body):
            self.word("The template was not put in: you have written here. Empty the text to use it.", "quiet")
        self._english(chosen.key)

    def _english(self, key: str) -> None:
        template = self.templates.get(key)
        prose = Prose()
        if template is None:
            prose.line(("No template, so no English beside it.", "quiet"))
        else:
            prose.line((template.english_subject, "strong")).block(template.english_body)
        self.query_one("#english", Pane).write(prose.content(), top=True)

    def kept(self) -> None:
        """Let the linter read what was just journalled."""
        self._lint()

    @work(group="lint", name="read the mail over", exclusive=True, exit_on_error=False)
    async def _lint(self) -> None:
        await self._refusals()

    async def _refusals(self) -> bool:
        draft = self._draft()
        found = await self.desk.check_mail(self.case, draft.subject, draft.body)
        if draft == self._draft():
            self.word("   ".join(f"✗ {why}" for why in found))
        return bool(found)

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """Send, or close."""
        if event.button.id == "yes":
            self.action_finish()
        else:
            self.action_leave()

    def action_finish(self) -> None:
        """Send."""
        if self.to:
            self._send()

    @work(group="send", name="send the mail", exclusive=True, exit_on_error=False)
    async def _send(self) -> None:
        if await self._refusals():
            return
        draft = self._draft()
        mail = await self.desk.send_mail(self.case, draft.subject, draft.body, draft.template)
        await self.drop_draft()
        self.dismiss(mail)


def read_draft(text: str) -> MailDraft:
    """Read a journalled draft; what is not one is taken for the text of a mail."""
    if not text:
        return MailDraft()
    try:
        return msgspec.json.decode(text, type=MailDraft)
    except msgspec.DecodeError:
        return MailDraft(body=text)
