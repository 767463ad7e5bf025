"""What every screen of the desk shares: the bar, the line of words, and one way to hear of faults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.worker import Worker, WorkerState, get_current_worker

from workstation.screens.faults import sentence
from workstation.services.errors import NotSignedIn, StoreError
from workstation.widgets.box import Box
from workstation.widgets.choices import Choice
from workstation.widgets.key_line import KeyLine
from workstation.widgets.state_bar import StateBar
from workstation.widgets.word_line import WordLine

if TYPE_CHECKING:
    from workstation.app import WorkstationApp
    from workstation.services.desk import Desk

#: Seconds after which a word about what happened makes room for silence.
WORD_S = 30.0
#: Seconds after which a wait is put into words; under it nothing spins.
WONDER_S = 0.3


T = TypeVar("T")


class DeskScreen(Screen[None]):
    """A place of the desk."""

    BLANK: ClassVar[bool] = True  # Its frame are boxes: Textual need not look for one in each of its lines.
    PLACE: ClassVar[str] = ""
    """The key that goes here."""
    HELP: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "copy", "Copy", show=False, id="desk.copy", tooltip="Copy a value; that is put on record"),
    ]
    READS: ClassVar[tuple[str, ...]] = ()
    """Groups of workers that only read, so that they may be cut off."""

    _said_at = 0.0
    _mark = ""
    _able: tuple[bool | None, ...] = ()
    _opening: Worker[None] | None = None

    @property
    def host(self) -> WorkstationApp:
        """The app, as what it is."""
        return cast("WorkstationApp", self.app)

    @property
    def desk(self) -> Desk:
        """The desk of whoever is signed in.

        Raises:
            NotSignedIn: nobody is, or not yet.
        """
        if self.host.desk is None:
            raise NotSignedIn("Nobody is signed in yet.", "Wait for the connection, or retry it.")
        return self.host.desk

    def compose(self) -> ComposeResult:
        """Lay bar, body, words and footer above each other."""
        yield StateBar()
        yield from self.compose_body()
        yield WordLine()
        yield KeyLine()

    def starting(self, word: str) -> None:
        """Take note of how far the desk is from being there; the first screen shows it."""

    def compose_body(self) -> Iterable[Widget]:
        """Yield what is between the bar and the line of words."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Show the state, count down, and follow elevated mode."""
        self._frame(self.host.elevated)
        self.host.elevation_moved.subscribe(self, self._elevation_moved)
        self.set_interval(1.0, self.tick)
        self.tick()
        if self.host.desk is not None:
            self.arrive()

    # -- what a screen answers to --------------------------------------------------------------------

    def arrive(self) -> None:
        """Somebody is signed in: read what is shown here."""

    def forget(self) -> None:
        """Somebody else will sign in: show nothing of what was here."""

    def hide(self) -> None:
        """The terminal is being locked: stop reading, and leave no word behind."""
        self.say("")
        for group in self.READS:
            self.workers.cancel_group(self, group)

    def come_back(self) -> None:
        """The same person is back after a lock: read what is shown here again."""
        self.arrive()

    @property
    def case_in_hand(self) -> int | None:
        """The case that a deed here belongs to; None where there is none."""
        return None

    def copyable(self) -> Iterable[tuple[str, str]]:
        """Yield what may be copied from here: what it is, in a word that goes on record, and its value."""
        return ()

    @work(group="flow", name="copy", exit_on_error=False)
    async def action_copy(self) -> None:
        """Copy what is selected, else one of the values of what is under the cursor."""
        from workstation.screens.dialogs.choose import ChooseDialog

        selected = self.get_selected_text()
        if selected:
            self.host.copies.copy(selected)
            return
        values = {what: value for what, value in self.copyable() if value}
        choices = [Choice(key=what, label=what, detail=value) for what, value in values.items()]
        ask = "It is cleaned, and on record: who, in which case, what kind, how long."
        what = await self.ask(ChooseDialog("Copy which value?", choices, ask=ask, first="what", second="value"))
        if what is not None:
            self.host.copies.copy(values[what], what)

    def changed(self, word: str) -> None:
        """Something may have changed (``cases``, ``acts``, ``mail``): a hint to read again."""

    def tick(self) -> None:
        """Once a second: the time, the countdowns."""
        if self not in self.app.screen_stack:
            return
        self._frame(self.host.elevated)
        self.query_one(StateBar).facts = self.host.facts(self.PLACE)
        self._show_mark(self.host.mark)
        words = self.query_one(WordLine)
        if words.word[0] and self.host.clock.monotonic() - self._said_at > WORD_S:
            words.word = ("", "")

    def _show_mark(self, mark: str) -> None:
        if mark != self._mark:
            self._mark = mark
            for box in self.query(Box):
                box.mark = mark
            for drawn in self.query("Ledger, Pane"):
                drawn.refresh()

    def on_screen_resume(self) -> None:
        """Show the time at once."""
        if self.is_mounted:
            self.tick()

    def show_keys(self) -> None:
        """Let the footer follow what can be done now. Only where that has changed: it is too much for every
        step of a cursor."""
        able = tuple(self.check_action(binding.action.partition("(")[0], ()) for _, binding in self._bindings)
        if able != self._able:
            self._able = able
            self.refresh_bindings()

    # -- words ---------------------------------------------------------------------------------------

    def say(self, text: str, tone: str = "") -> None:
        """Say what happened, on the line above the footer."""
        self._said_at = self.host.clock.monotonic()
        self.query_one(WordLine).word = (text, tone)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Say what is waited for, where that takes long enough to wonder."""
        words = f"{what} …"
        timer = self.set_timer(WONDER_S, lambda: self.say(words, "quiet"))
        try:
            yield
        finally:
            timer.stop()
            if self.query_one(WordLine).word[0] == words:
                self.say("")

    @contextmanager
    def opening(self, what: str) -> Iterator[None]:
        """Say what is being opened; Esc leaves it, and so does opening something else.

        A dialog that was slow to open must not come up over another. Only reading belongs in here: a deed that was
        cut off might have been done.
        """
        me = get_current_worker()
        if self._opening is not None:
            self._opening.cancel()
        self._opening = me
        try:
            with self.waiting(f"Opening {what}, Esc leaves it"):
                yield
        finally:
            if self._opening is me:
                self._opening = None

    async def ask(self, dialog: ModalScreen[T | None]) -> T | None:
        """Show a dialog and return its answer; None, unseen, where something else has come up meanwhile."""
        if self.app.screen is not self:
            return None
        return await self.app.push_screen_wait(dialog)

    def stop_opening(self) -> bool:
        """Leave what is being opened; False where nothing is."""
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
        return opening is not None

    def busy(self, group: str) -> bool:
        """Return whether a worker of `group` runs: some deeds are not begun twice."""
        return any(worker.group == group and worker.node is self and worker.is_running for worker in self.workers)

    def wait_word(self, text: str, tone: str = "accent") -> None:
        """Say what waits for a key, on the right of that line; ``""`` takes it away."""
        self.query_one(WordLine).waiting = (text, tone)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Hear of every fault of every worker of this screen, in one place."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.failed(event.worker.group, event.worker.error)
        if self.is_mounted:
            self.show_keys()

    def failed(self, group: str, error: BaseException) -> None:
        """Say what went wrong in the worker of `group`."""
        if isinstance(error, StoreError):
            self.host.link = "away"
        self.say(f"✗ {sentence(error)}", "strong")
        self.tick()

    def _frame(self, on: bool) -> None:
        self.set_class(on, "-elevated")
        self.set_class(self.host.glass.on, "-glass")

    def _elevation_moved(self, on: bool) -> None:
        self._frame(on)
        self.tick()
        self.show_keys()
