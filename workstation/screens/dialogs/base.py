"""What every dialog shares: a box with a title, a line for what is wrong, a line of keys, Esc to leave."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from rich.console import RenderableType
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Button, Static
from textual.worker import Worker, WorkerState

from workstation.screens.faults import sentence
from workstation.services.errors import NotSignedIn
from workstation.widgets.box import Box
from workstation.widgets.dimmed import Dimmed
from workstation.widgets.prose import Part, plain

if TYPE_CHECKING:
    from workstation.app import WorkstationApp
    from workstation.services.desk import Desk

T = TypeVar("T")


class Dialog(ModalScreen[T | None], Generic[T]):
    """A question. Dismissed with an answer, or with None."""

    CSS_PATH: ClassVar[CSSPathType | None] = "dialog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="dialog.leave", tooltip="Leave it; nothing is done"),
    ]
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Keys and what they do, for the last line; Esc is added."""
    LEAVING: ClassVar[str] = "leave"
    """What Esc does, in a word."""
    STAYS: ClassVar[bool] = False
    """Whether it is still there after the terminal was locked: only where something is being written."""

    _late: tuple[T | None] | None = None

    def __init__(self, title: str) -> None:
        super().__init__()
        self.heading = title

    @property
    def host(self) -> WorkstationApp:
        """The app, as what it is."""
        return cast("WorkstationApp", self.app)

    @property
    def desk(self) -> Desk:
        """The desk of whoever is signed in.

        Raises:
            NotSignedIn: nobody is.
        """
        if self.host.desk is None:
            raise NotSignedIn("Nobody is signed in.", "Leave this and connect again.")
        return self.host.desk

    def render(self) -> RenderableType:
        """Return what lies behind."""
        behind = super().render()
        return Dimmed(behind.screen, behind.color) if isinstance(behind, BackgroundScreen) else behind

    def compose(self) -> ComposeResult:
        """Lay body, word and keys into a box."""
        with Box(id="dialog"):
            yield from self.compose_dialog()
            yield Static(id="word")
            yield Static(plain(*self._key_line()), id="keys-line")

    def compose_dialog(self) -> Iterable[Widget]:
        """Yield what the dialog asks."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Write the title, follow elevated mode."""
        self.query_one("#dialog", Box).border_title = plain((self.heading, "strong"))
        self._mark()
        self.set_interval(1.0, self._mark)
        self.set_class(self.host.elevated, "-elevated")
        self.host.elevation_moved.subscribe(self, lambda on: self.set_class(on, "-elevated") and None)

    def _mark(self) -> None:
        self.query_one("#dialog", Box).mark = self.host.mark

    def _key_line(self) -> list[Part]:
        parts: list[Part] = []
        for key, what in (*self.KEYS, ("Esc", self.LEAVING)):
            parts += [(f"{key} ", "accent"), (f"{what}   ", "quiet")]
        return parts

    def word(self, text: str, tone: str = "strong") -> None:
        """Say what is wrong, or what goes on."""
        self.query_one("#word", Static).update(plain((text, tone)))

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Answer. Where something lies over it, such as the lock, as soon as that is gone: only the top can be left."""
        if self.app.screen is self:
            return super().dismiss(result)
        self._late = (result,)
        return AwaitComplete()

    def on_screen_resume(self) -> None:
        """Give the answer that had to wait."""
        if self._late is not None:
            self.dismiss(self._late[0])

    def action_leave(self) -> None:
        """Answer nothing."""
        self.dismiss(None)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say in the dialog what a worker of it came upon."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.failed(event.worker.group, event.worker.error)

    def failed(self, group: str, error: BaseException) -> None:
        """Say what went wrong."""
        self.word(f"✗ {sentence(error)}")


def buttons(*pairs: tuple[str, str], hostile: str = "") -> Horizontal:
    """Return a row of buttons from pairs of an id and a label; the one called `hostile` does what cannot be undone."""
    row = [Button(plain(label), id=name, compact=True) for name, label in pairs]
    for button in row:
        button.set_class(button.id == hostile, "-hostile")
    return Horizontal(*row, classes="buttons")
