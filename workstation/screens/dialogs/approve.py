"""Approving a request: exactly what its hash covers, and nothing beside it."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.widget import Widget
from textual.widgets import Button

from workstation.screens.dialogs.base import Dialog, buttons
from workstation.services.text import group4
from workstation.services.views import Request
from workstation.widgets.packet import words
from workstation.widgets.pane import Pane
from workstation.widgets.prose import Prose


class ApproveDialog(Dialog[bool]):
    """Shows a request field by field; the hash is computed again from what is shown here."""

    AUTO_FOCUS = "#no"
    KEYS = (("Tab", "other answer"), ("Enter", "take it"))

    def __init__(self, request: Request) -> None:
        super().__init__(f"Approve a request of {request.requester_name}")
        self.request = request

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield the fields and the two answers."""
        pane = Pane(covered(self.request).content())
        yield pane
        yield buttons(("no", "Leave it"), ("yes", "Approve by step-up"))

    @on(Button.Pressed)
    def answered(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "yes")


def covered(request: Request) -> Prose:
    """Return what the request's hash covers, as lines."""
    prose = Prose().pair("act", f"{words(request.act)}, tier {request.tier}", "strong")
    prose.pair("account", f"{group4(request.account)} · case {request.case_ref}", "strong")
    prose.pair("params", ", ".join(f"{key} = {value}" for key, value in request.params.items()) or "none", "strong")
    prose.line((f"{'reason':<13}", "quiet"), (request.reason_code, "strong"), f" {request.reason_text}")
    prose.pair("asked by", f"{request.requester_name} ({request.requester}) {request.created_at:%Y-%m-%d %H:%M:%SZ}")
    prose.pair("not before", f"{request.not_before:%Y-%m-%d %H:%M:%SZ}")
    prose.pair("agree by", f"{request.approve_by:%Y-%m-%d %H:%M:%SZ}", "time")
    agreed = ", ".join(request.approvers) or "nobody yet"
    prose.pair("agreed", f"{len(request.approvers)} of {request.approvals_needed}: {agreed}")
    if request.account_etag:
        prose.pair("read as", f"version {request.account_etag} of the account")
    if request.evidence_hash:
        prose.pair("evidence", request.evidence_hash)
    if request.policy:
        prose.pair("policy", request.policy)
    prose.line((f"{'hash':<13}", "quiet"), (request.request_hash.hex(), "accent"))
    return prose.line(("Your step-up is bound to this hash: it approves this and nothing else.", "quiet"))
