"""The mails of a case, newest first, with what is known of who wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from workstation.services.views import MailMessage
from workstation.widgets.account_card import masked
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose
from workstation.widgets.times import Zone, countdown

_STATE = {
    "queued": "queued",
    "sending": "being sent",
    "sent": "sent",
    "unknown": "it is not known whether it was sent; do not send it again before the thread shows it",
    "recalled": "recalled, never sent",
    "failed": "not sent",
}


class MailThread(Pane):
    """The thread. Attachments are named and never opened, links are text."""

    HELP = "The mails of this case. Only a mail from the address on record is the client; r answers, u recalls."

    def show(self, thread: Sequence[MailMessage], zone: Zone, now: datetime) -> None:
        """Write the thread."""
        prose = Prose()
        if not thread:
            prose.line(("·  No mail in this case yet.", "quiet")).line(("r writes to the address on record.", "quiet"))
        for n, mail in enumerate(reversed(thread)):
            if n:
                prose.line(("─" * 40, "quiet"))
            _mail(prose, mail, zone, now)
        self.write(prose.content())


def recallable(thread: Sequence[MailMessage], now: datetime) -> MailMessage | None:
    """Return the newest queued mail that can still be taken back."""
    waiting = [m for m in thread if m.state == "queued" and m.recall_until is not None and m.recall_until > now]
    return waiting[-1] if waiting else None


def _mail(prose: Prose, mail: MailMessage, zone: Zone, now: datetime) -> None:
    when = zone.at(mail.at, "%Y-%m-%d %H:%M")
    if mail.direction == "in":
        sender = masked(mail.sender) if mail.from_record else mail.sender
        prose.line((f"◀ {when}  ", "quiet"), ("from ", "quiet"), (sender, "strong"))
        known = "✓ from the address on record" if mail.from_record else "⚠ UNVERIFIED: not the address on record"
        prose.line((known, "accent" if mail.from_record else "strong"), (f" · {mail.authenticity}", "quiet"))
    else:
        prose.line((f"▶ {when}  ", "quiet"), ("to ", "quiet"), (masked(mail.recipient), "strong"))
        prose.line(*_progress(mail, now))
    prose.line((mail.subject, "strong"), (f"  ({mail.language or 'language unknown'})", "quiet"))
    prose.block(mail.body)
    for name in mail.attachments:
        prose.line(("attached, not opened: ", "quiet"), name)


def _progress(mail: MailMessage, now: datetime) -> tuple[str | tuple[str, str], ...]:
    word = _STATE.get(mail.state, mail.state)
    if mail.state == "queued" and mail.recall_until is not None and mail.recall_until > now:
        seconds = (mail.recall_until - now).total_seconds()
        return (word, (f" · {countdown(seconds)} to take it back with u", "time"))
    return ((word, "quiet" if mail.state == "sent" else "strong"),)
