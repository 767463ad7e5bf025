"""The app: wiring only. Screens, palette, themes, keys, the line filter, and the one connection to the desk.

Nothing that is slow to import is touched before the first frame: the desk comes from `connect`, which
is awaited in a worker after the queue has been painted in its loading state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.segment import Segments
from textual import events, work
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.filter import LineFilter
from textual.reactive import var
from textual.screen import Screen
from textual.signal import Signal
from textual.types import CSSPathType
from textual.worker import Worker, WorkerState

from workstation.screens import places
from workstation.screens.ahead import TypeAhead
from workstation.screens.app_keys import KEYS
from workstation.screens.base import DeskScreen
from workstation.screens.copying import Clipboard
from workstation.screens.elevated import POLL_S, ElevatedMode
from workstation.screens.faults import sentence
from workstation.screens.glass import Glass
from workstation.screens.guard import Guard
from workstation.services.clock import Clock
from workstation.services.errors import StoreError
from workstation.services.garbage import TIDY_S, tidy
from workstation.services.pace import Pace
from workstation.widgets.lean import first_of_keys, lean_strips, quick_frames
from workstation.widgets.lean_css import KeptRules
from workstation.widgets.lean_paint import lean_paint
from workstation.widgets.line_filter import HarmlessLines
from workstation.widgets.state_bar import Facts, StateBar
from workstation.widgets.themes import THEMES
from workstation.widgets.watermark import mark

if TYPE_CHECKING:
    from workstation.screens.account import AccountScreen
    from workstation.services.desk import Desk
    from workstation.services.views import AccountView

#: Seconds between two counts of what waits for a lead: he sees it the same minute, wherever he is.
OVERSIGHT_S = 60.0

Connect = Callable[[], Awaitable["Desk"]]
Switch = Callable[[str], Awaitable["Desk"]]


class WorkstationApp(App[None], inherit_bindings=False):
    """The workstation.

    Args:
        connect: gives the desk; awaited after the first frame, and again when the analyst retries.
        clock: the only source of now.
        demo: whether this is the demo, where the palette can sign in as somebody else.
        people: the logins of a demo.
        switch: gives the desk of another login; only in a demo.
        banner: a sentence that is shown when the queue opens, such as where the demo lives.
    """

    TITLE = "workstation"
    CSS_PATH: ClassVar[CSSPathType | None] = ["screens/frame.tcss", "screens/palette.tcss"]
    COMMANDS = App.COMMANDS | {places.key_commands, places.find_commands}
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = places.MODES
    DEFAULT_MODE = "queue"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-vast")]  # noqa: RUF012 - Textual's own name
    BINDINGS: ClassVar[list[BindingType]] = KEYS

    link: var[str] = var("connecting")
    """The link to the desk: connecting, live or away."""
    armed: var[str] = var("")
    """The one act that is armed, in words."""

    def __init__(
        self,
        connect: Connect,
        *,
        clock: Clock,
        demo: bool = False,
        people: tuple[str, ...] = (),
        switch: Switch | None = None,
        banner: str = "",
    ) -> None:
        lean_strips()
        lean_paint()
        quick_frames()
        super().__init__()
        self._connect = self.connect_again = connect
        self._switch = switch
        self.clock = clock
        self.demo = demo
        self.people = people
        self.banner = banner
        self.desk: Desk | None = None
        self.unsent: dict[tuple[int, str], str] = {}
        self._counts: dict[str, str] = {}
        self.elevation_moved: Signal[bool] = Signal(self, "elevation")
        self.elevation = ElevatedMode(self)
        self.glass = Glass(self)
        self.guard = Guard(self)
        self._ahead = TypeAhead(self, super().on_event)
        self.copies = Clipboard(self)
        self.pace = Pace()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name
        self.stylesheet = KeptRules(variables=self.get_css_variables())
        self.animation_level = "none"

    # -- the walls -----------------------------------------------------------------------------------

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Add the wall behind which no control character reaches the terminal."""
        return [*super().get_line_filters(), HarmlessLines()]

    def _fatal_error(self) -> None:
        """End after a fault without printing the values of variables: they hold clients' data."""
        from rich.traceback import Traceback

        self.bell()
        trace = Traceback(show_locals=False, width=None)
        self._exit_renderables.append(Segments(self.console.render(trace, self.console.options)))
        self._close_messages_no_wait()

    # -- the connection ------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Paint first, connect then."""
        self.set_interval(POLL_S, self._poll_elevation)
        self.set_interval(1.0, self.guard.check)
        self.set_interval(OVERSIGHT_S, self.count_oversight)
        self.set_interval(TIDY_S, self._tidy)
        if self._driver is not None:
            first_of_keys(self._driver, partial(self.pace.coming, asyncio.get_running_loop()))
        self.guard.watch_resume()
        self.call_after_refresh(self.sign_in)

    def _tidy(self) -> None:
        if self.pace.still:
            tidy()

    def on_unmount(self) -> None:
        """Hear no signal any more."""
        self.guard.stop_watching()

    async def on_event(self, event: events.Event) -> None:
        """Hear an event, unless it is the first after nobody was there for too long: that one only locks."""
        if (
            isinstance(event, events.InputEvent | events.Paste)
            and not event.is_forwarded
            and not self.guard.hears(event)
        ):
            return
        if isinstance(event, events.Key | events.Paste):
            self.pace.key()
            await self._ahead.take(event)
        else:
            await super().on_event(event)

    @work(group="connect", name="connect", exclusive=True, exit_on_error=False)
    async def sign_in(self) -> None:
        """Ask for the desk, and hand it to the screens."""
        self.link = "connecting"
        await self._take(await self._connect())

    @work(group="connect", name="sign in as", exclusive=True, exit_on_error=False)
    async def sign_in_as(self, login: str) -> None:
        """Become another person of the demo: the old desk is left first."""
        if self._switch is None:
            return
        for screen in self.desk_screens():
            screen.forget()
        old, self.desk = self.desk, None
        self.link = "connecting"
        await self.switch_mode("queue")
        if old is not None:
            await old.aclose()
        self.connect_again = partial(self._switch, login)
        await self._take(await self.connect_again())

    def progress(self, word: str) -> None:
        """Show how far the desk is from being there; may be called from any thread."""
        self.call_from_thread(self._show_progress, word)

    def _show_progress(self, word: str) -> None:
        for screen in self.desk_screens():
            screen.starting(word)

    async def _take(self, desk: Desk) -> None:
        self.desk = desk
        self.link = "live"
        self.unsent.clear()
        self.guard.idle.signed_in()
        self.elevation.show(await desk.elevation())
        await self.glass.read()
        for screen in self.desk_screens():
            screen.arrive()
        self.count_oversight()
        self._listen()

    async def take_again(self, desk: Desk) -> None:
        """Go on where the terminal was locked; everything is read again, and each look is on record again."""
        self.desk = desk
        self.link = "live"
        self.elevation.show(await desk.elevation())
        await self.glass.read()
        for screen in self.desk_screens():
            screen.come_back()
        self._listen()

    @work(group="oversight", name="count what waits for a lead", exclusive=True, exit_on_error=False)
    async def count_oversight(self) -> None:
        """Count the alerts and reviews that wait, beside the place where they are."""
        desk = self.desk
        if desk is None or desk.person.role not in ("lead", "auditor"):
            self.show_count("6", 0)
            return
        waiting = len(await desk.alerts()) + len(await desk.reviews_due())
        if desk is self.desk:
            self.show_count("6", waiting)

    @work(group="notices", name="listen", exclusive=True, exit_on_error=False)
    async def _listen(self) -> None:
        """Pass on the word that something may have changed; it is a hint to read again and nothing more."""
        desk = self.desk
        if desk is None:
            return
        async for word in desk.notices():
            for screen in self.desk_screens():
                screen.changed(word)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say why there is no connection, or that a hint did not come."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.hear(event.worker.error, event.worker.group)

    def hear(self, error: BaseException, group: str = "") -> None:
        """Show a fault of the app's own workers where it belongs."""
        if isinstance(error, StoreError) or group == "connect":
            self.link = "away"
        if group == "connect":
            from workstation.screens.trouble import TroubleScreen

            self.push_screen(TroubleScreen(sentence(error)))
        elif group == "unlock" and self.guard.screen is not None:
            self.guard.screen.say(f"✗ {sentence(error)}")
        else:
            self.tell(f"✗ {sentence(error)}", "strong")

    def tell(self, text: str, tone: str = "") -> None:
        """Say something on the line of words of the place that is shown."""
        if isinstance(self.screen_stack[0], DeskScreen):
            self.screen_stack[0].say(text, tone)

    def desk_screens(self) -> list[DeskScreen]:
        """Return every place that was opened."""
        return [s for stack in self._screen_stacks.values() for s in stack if isinstance(s, DeskScreen)]

    def watch_link(self) -> None:
        """Show at once that the link came or went."""
        for screen in self.desk_screens():
            screen.tick()

    # -- elevated mode and the lock ------------------------------------------------------------------

    @property
    def elevated(self) -> bool:
        """Whether elevated mode is on, as far as this terminal knows; the database decides."""
        return self.elevation.on

    def _poll_elevation(self) -> None:
        if self.desk is None:
            return
        if self.glass.state.on:
            self.run_worker(self.glass.read(), group="glass", exclusive=True, exit_on_error=False)
        if self.elevation.on:
            self.run_worker(self.elevation.poll(), group="elevation", exclusive=True, exit_on_error=False)

    @work(group="elevate", name="another case", exit_on_error=False)
    async def work_on(self, case: int) -> None:
        """Take note of the case in hand: elevated mode was stepped up to for one, and ends with it."""
        if self.elevation.at_work_on(case):
            from workstation.screens.flows import step_down

            await step_down(self)
            self.tell("Elevated mode ended: another case was opened. ctrl+e enters it again.", "strong")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While the terminal is locked only quitting is left."""
        return not self.guard.locked or action == "leave"

    def action_lock(self) -> None:
        """Lock the terminal."""
        self.guard.lock("Locked by hand.")

    @property
    def case_in_hand(self) -> int | None:
        """The case that a deed on the place that is shown belongs to."""
        place = self.screen_stack[0]
        return place.case_in_hand if isinstance(place, DeskScreen) else None

    def copy_to_clipboard(self, text: str) -> None:
        """Copy, by the one way that there is: cleaned, and on record before it is done."""
        self.copies.copy(text)

    def write_clipboard(self, text: str) -> None:
        """Hand a text to the terminal's clipboard. Only :class:`Clipboard` calls this."""
        super().copy_to_clipboard(text)

    def action_elevate(self) -> None:
        """Open the step-up dialog, or leave elevated mode."""
        if self.desk is not None:
            self._elevate()

    @work(group="elevate", name="elevated mode", exclusive=True, exit_on_error=False)
    async def _elevate(self) -> None:
        from workstation.screens.flows import step_down, step_up

        if self.elevated:
            await step_down(self)
        else:
            await step_up(self, "Enter elevated mode")

    # -- places --------------------------------------------------------------------------------------

    @property
    def mark(self) -> str:
        """Who looks at this terminal, and the minute; ``""`` where nobody is signed in."""
        return mark(self.desk.person.login, self.clock.now()) if self.desk is not None else ""

    def show_count(self, key: str, count: int) -> None:
        """Show beside the place of `key` how much waits there."""
        self._counts[key] = str(count or "")

    def facts(self, place: str) -> Facts:
        """Return what the state bar of `place` says."""
        person = self.desk.person if self.desk is not None else None
        return Facts(
            places=tuple((key, name, self._counts.get(key, "")) for key, (_, name) in places.PLACES.items()),
            active=place,
            who=f"{person.login} · {person.title}" if person else "",
            time=f"{self.clock.now():%H:%MZ}",
            link=self.link,
            elevated_s=self.elevation.seconds if self.elevated else None,
            idle_s=self.elevation.idle_s,
            armed=self.armed,
            glass_s=self.glass.seconds if self.glass.on else None,
            glass=f"{self.glass.state.incident} {self.glass.state.case_ref}".strip(),
        )

    async def action_go(self, place: str) -> None:
        """Show another place; what was there stays as it was left."""
        await self.guard.open_again()
        await self.switch_mode(place)

    def on_state_bar_picked(self, event: StateBar.Picked) -> None:
        """Go where the mouse pointed."""
        self.run_worker(self.action_go(places.PLACES[event.key][0]), group="go", exit_on_error=False)

    async def show_case(self, case: int) -> None:
        """Open a case on the account screen."""
        (await self._account_screen()).open(case)

    async def show_account(self, view: AccountView) -> None:
        """Show an account that was opened without a case, for a reason."""
        (await self._account_screen()).show_without_case(view)

    async def _account_screen(self) -> AccountScreen:
        from workstation.screens.account import AccountScreen

        await self.guard.open_again()
        await self.switch_mode("account")
        return cast(AccountScreen, self.screen_stack[0])

    @work(group="find", name="find a case or an account", exclusive=True, exit_on_error=False)
    async def find(self, text: str) -> None:
        """Open the case or the account that a pasted text names."""
        from workstation.screens.flows import find

        await find(self, text)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Yield what the palette offers beside the keys."""
        for theme in THEMES:
            yield SystemCommand(f"Theme: {theme.name}", "Change the colours", self._theme_setter(theme.name))
        if self.demo and self._switch is not None and isinstance(screen, DeskScreen):
            yield SystemCommand("Sign in as …", "Become another person of the demo", self.choose_person)

    def _theme_setter(self, name: str) -> Callable[[], None]:
        def use() -> None:
            self.theme = name

        return use

    @work(group="person", name="choose a person", exclusive=True, exit_on_error=False)
    async def choose_person(self) -> None:
        """Ask who to be, and become that person."""
        from workstation.screens.dialogs.sign_in_as import SignInAsDialog

        now = self.desk.person.login if self.desk else ""
        login = await self.push_screen_wait(SignInAsDialog(self.people, now))
        if login:
            self.sign_in_as(login)

    # -- keys ----------------------------------------------------------------------------------------

    def action_keys(self) -> None:
        """Explain the focused widget and list all keys."""
        from workstation.screens.dialogs.help import HelpDialog

        self.push_screen(HelpDialog.of(self.screen))

    def action_leave(self) -> None:
        """Quit; ask first when something is unsent."""
        if self.unsent and not self.guard.locked:
            self._ask_to_leave()
        else:
            self.exit()

    @work(group="leave", name="ask before leaving", exclusive=True, exit_on_error=False)
    async def _ask_to_leave(self) -> None:
        from workstation.screens.dialogs.confirm import ConfirmDialog

        lines = (*self.unsent.values(), "Drafts are kept and open again where they were.")
        if await self.push_screen_wait(ConfirmDialog("Something is unsent", lines, yes="Quit", no="Stay")):
            self.exit()

    async def action_quit(self) -> None:
        """Quit the way `q` does."""
        self.action_leave()
