"""Become another person of the demo."""

from __future__ import annotations

from collections.abc import Sequence

from workstation.screens.dialogs.choose import ChooseDialog
from workstation.widgets.choices import Choice


class SignInAsDialog(ChooseDialog):
    """Lists the people of the demo; only the demo can do this."""

    def __init__(self, people: Sequence[str], now: str) -> None:
        choices = [
            Choice(
                key=login,
                label=login,
                detail="" if login != now else "now",
                why_not="That is you." if login == now else "",
            )
            for login in people
        ]
        super().__init__(
            "Sign in as …",
            choices,
            ask="Only in the demo: this window becomes that person's. Elevated mode is left first.",
            first="person",
            second="",
        )
