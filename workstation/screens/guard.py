"""The lock: when nobody is there, nothing of the work is on the screen and nothing can be done from it.

Locking hides every screen and dialog, ends elevated mode, closes the session with the store (and with it every
ticket to look at an account), and empties the clipboard of what was put there from here. What was typed stays where
it is. Unlocking signs in again and asks for a step-up of the same person.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING, Any

from textual import events
from textual.command import CommandPalette
from textual.screen import Screen

from workstation.screens.dialogs.base import Dialog
from workstation.screens.idle import ELEVATED_S, Idle
from workstation.screens.lock import LockScreen
from workstation.services.errors import NotSignedIn, WorkstationError

if TYPE_CHECKING:
    from workstation.app import WorkstationApp
    from workstation.screens.dialogs.drafting import DraftDialog
    from workstation.services.desk import Desk
    from workstation.services.views import Person

#: What shows that somebody is there. A pointer that drifts does not.
LIFE = (events.Key, events.Paste, events.MouseDown, events.MouseScrollUp, events.MouseScrollDown)


class Guard:
    """Watches for signs of life, locks and unlocks.

    Args:
        host: the app.
    """

    def __init__(self, host: WorkstationApp) -> None:
        self._host = host
        self.idle = Idle(host.clock)
        self.screen: LockScreen | None = None
        self._person: Person | None = None
        self._unlocked = asyncio.Event()
        self._unlocked.set()
        self._ending: asyncio.Task[None] | None = None
        self._proving = False
        self._before: Any = None

    @property
    def locked(self) -> bool:
        """Whether the screen is hidden."""
        return self.screen is not None

    async def open_again(self) -> None:
        """Return once the screen is not locked: what would change the screen waits here."""
        await self._unlocked.wait()

    # -- signs of life -------------------------------------------------------------------------------

    def hears(self, event: events.Event) -> bool:
        """Take note of an event; False where it came after the time was over and must not be obeyed."""
        if not isinstance(event, LIFE):
            return True
        if not self.locked and self.check():
            return False
        self.idle.seen()
        return True

    def check(self) -> bool:
        """Lock where the time is over; True when that was so."""
        host = self._host
        if self.locked:
            if self._proving and self.idle.seconds >= ELEVATED_S:
                self._leave_proving()
            return False
        why = self.idle.over(host.elevated or host.glass.on) if host.desk is not None else ""
        if why:
            self.lock(why)
        return bool(why)

    def watch_resume(self) -> None:
        """Check the time as soon as the process goes on after a stop."""
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        before = self._before = signal.getsignal(signal.SIGCONT)

        def resumed(number: int, frame: Any) -> None:
            # Textual starts its terminal threads a second time unless it was it that had stopped them.
            if callable(before) and getattr(self._host._driver, "_must_signal_resume", False):
                before(number, frame)
            loop.call_soon_threadsafe(self._host.call_later, self.check)

        signal.signal(signal.SIGCONT, resumed)

    def stop_watching(self) -> None:
        """Let the signal be heard by whoever heard it before."""
        if self._before is not None:
            signal.signal(signal.SIGCONT, self._before)
            self._before = None

    # -- locking -------------------------------------------------------------------------------------

    def lock(self, why: str) -> None:
        """Hide everything at once, then end what was open."""
        host, desk = self._host, self._host.desk
        if self.locked or desk is None:
            return
        self._person = desk.person
        self._unlocked.clear()
        host.elevation.ended()
        host.copies.empty()
        for screen in host.desk_screens():
            screen.hide()
        staying = self._leave_dialogs()
        self.screen = LockScreen(self._person, why, host.clock.now())
        host.push_screen(self.screen)
        self._ending = asyncio.get_running_loop().create_task(self._end(desk, staying))

    def _leave_dialogs(self) -> list[DraftDialog[Any]]:
        """Leave the dialogs in which nothing is written; return those whose draft is to be kept."""
        from workstation.screens.dialogs.drafting import DraftDialog

        host = self._host
        while _leaves(host.screen):
            host.screen.dismiss(None)
        for screen in host.screen_stack:
            screen.clear_selection()
        return [screen for screen in host.screen_stack if isinstance(screen, DraftDialog)]

    async def _end(self, desk: Desk, staying: list[DraftDialog[Any]]) -> None:
        """Journal what was typed, step down, and close the session."""
        said: list[str] = []
        for end in (*(dialog.flush for dialog in staying), desk.step_down):
            try:
                await end()
            except WorkstationError as error:
                said.append(error.sentence())
        self._host.desk = None
        self._host.workers.cancel_group(self._host, "notices")
        try:
            await desk.aclose()
        except WorkstationError as error:
            said.append(error.sentence())
        if self.screen is not None and said:
            self.screen.say(said[0])

    # -- unlocking -----------------------------------------------------------------------------------

    def unlock(self) -> None:
        """Begin to sign in again."""
        if self.locked and not self._proving:
            self._host.run_worker(self._unlock(), group="unlock", name="unlock", exclusive=True, exit_on_error=False)

    async def _unlock(self) -> None:
        screen, host = self.screen, self._host
        if screen is None:
            return
        self._proving = True
        desk: Desk | None = None
        try:
            screen.say("Signing in again …", "quiet")
            if self._ending is not None:
                await self._ending
            desk = await host.connect_again()
            if await self._is_back(desk):
                await self._show(desk, screen)
                desk = None
        except WorkstationError as error:
            screen.say(f"✗ {error.sentence()}")
        finally:
            self._proving = False
            if desk is not None:
                await desk.aclose()

    async def _is_back(self, desk: Desk) -> bool:
        """Ask for the proof that the same person is there again, and leave the elevation that it brings."""
        from workstation.screens.dialogs.step_up import StepUpDialog

        person, screen = self._person, self.screen
        if person is None or screen is None:
            return False
        if desk.person.person_id != person.person_id or desk.person.login != person.login:
            raise NotSignedIn(
                f"This terminal is {person.login}'s, and somebody else signed in.", "Quit, and start again as yourself."
            )
        methods = await desk.step_up_methods()
        dialog = StepUpDialog(f"Unlock the terminal of {person.login}", methods, None, desk=desk)
        if await self._host.push_screen_wait(dialog) is None:
            screen.say("Still locked.", "quiet")
            return False
        await desk.step_down()
        return True

    def _leave_proving(self) -> None:
        dialog = self._host.screen
        if isinstance(dialog, Dialog):
            dialog.action_leave()

    async def _show(self, desk: Desk, screen: LockScreen) -> None:
        self.screen = None
        self.idle.signed_in()
        screen.dismiss()
        await self._host.take_again(desk)
        self._unlocked.set()


def _leaves(screen: Screen[Any]) -> bool:
    """Return whether a screen is left when the terminal is locked: a dialog without a text, or the palette."""
    return not screen.STAYS if isinstance(screen, Dialog) else CommandPalette.is_open(screen.app)
