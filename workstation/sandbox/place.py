"""A running demo's directory: who is in it, their credentials, and the lease that keeps it running."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

import msgspec

from workstation.services.errors import Invalid, WorkstationError
from workstation.settings import Settings, read

#: Generating the exchange and making the store the first time takes a few seconds; a slow disk takes longer.
START_S = 120.0


class State(msgspec.Struct, kw_only=True):
    """What the supervisor says of itself in ``state.json``; `at` is in seconds since the epoch."""

    pid: int
    phase: str
    at: float
    word: str = ""
    hint: str = ""


class Place:
    """The directory of a demo.

    Args:
        directory: where it lives; made 0700 when it is not there.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self._lease: IO[str] | None = None

    def open(self, seed: int, scale: int, on_progress: Callable[[str], None] = lambda word: None) -> None:
        """Hold the demo open, starting it when it does not run; returns when it is ready.

        Raises:
            WorkstationError: it could not be started; the sentence says why.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.directory.stat().st_mode & 0o077:
            raise Invalid(f"{self.directory} can be read by others.", "Run `chmod 700` on it, or choose another --dir.")
        self._lease = (self.directory / "demo.lease").open("a+")
        fcntl.flock(self._lease, fcntl.LOCK_SH)  # waits for one that is just stopping
        self._wait(seed, scale, on_progress)

    def close(self) -> None:
        """Let go; the last one to do so stops the demo."""
        if self._lease is not None:
            self._lease.close()
            self._lease = None

    def wait_stopped(self, timeout_s: float = 30.0) -> None:
        """Wait until the supervisor has stopped everything, or somebody else holds the demo open."""
        with (self.directory / "supervisor.lock").open("a+") as lock:
            for _ in range(int(timeout_s / 0.05)):
                if self._held_by_others() or _try_lock(lock):
                    return
                threading.Event().wait(0.05)

    def settings(self) -> Settings:
        """Return the settings that the supervisor wrote for this run."""
        return read(self.directory / "settings.toml")

    def info(self) -> dict[str, Any]:
        """Return what ``--headless`` prints.

        Raises:
            Invalid: no demo runs here.
        """
        try:
            found: dict[str, Any] = msgspec.json.decode((self.directory / "demo.json").read_bytes())
        except OSError as error:
            raise Invalid(f"No demo runs in {self.directory}.", "Start one with `workstation demo --dir …`.") from error
        return found

    def secrets(self, login: str) -> DemoSecrets:
        """Return one person's credentials."""
        from workstation.sandbox.people import home, person

        return DemoSecrets(home(self.directory, person(login).login) / "credentials.json")

    def devices(self, login: str) -> Callable[[], Iterable[Any]]:
        """Return where this person's security key is found."""
        path = self._key(login)

        def found() -> Iterable[Any]:
            from workstation.sandbox.softkey import SocketKey

            return [SocketKey(path)] if path.exists() else []

        return found

    def touch(self, login: str) -> Callable[[], bool]:
        """Return the finger of this person."""
        path = self._key(login)

        def finger() -> bool:
            from workstation.sandbox.softkey import touch

            return touch(path)

        return finger

    def _key(self, login: str) -> Path:
        from workstation.sandbox.people import socket_home

        return socket_home(self.directory, login) / "key.sock"

    def _start_if_none(self, seed: int, scale: int) -> None:
        with (self.directory / "supervisor.lock").open("a+") as lock:
            if not _try_lock(lock):
                return
        log = (self.directory / "supervisor.log").open("ab")
        subprocess.Popen(
            [sys.executable, "-m", "workstation.sandbox.supervise", str(self.directory), str(seed), str(scale)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
        log.close()

    def _wait(self, seed: int, scale: int, on_progress: Callable[[str], None]) -> None:
        shown, begun = "", time.time()
        for turn in range(int(START_S / 0.05)):
            if turn % 20 == 0:
                # One that is stopping makes room for another; a second one at once ends by itself.
                self._start_if_none(seed, scale)
            state = self.state()
            if state is not None and state.phase == "failed" and state.at >= begun:
                raise WorkstationError(state.word, state.hint)
            if state is not None and _alive(state.pid):
                if state.phase == "ready":
                    return
                if state.word != shown:
                    shown = state.word
                    on_progress(shown)
            threading.Event().wait(0.05)
        raise WorkstationError("The demo did not start in time.", f"Look at {self.directory / 'supervisor.log'}.")

    def state(self) -> State | None:
        """Return what the supervisor says, or None where there is none yet."""
        try:
            return msgspec.json.decode((self.directory / "state.json").read_bytes(), type=State)
        except (OSError, msgspec.DecodeError):
            return None

    def _held_by_others(self) -> bool:
        """Return whether another terminal shares the lease; a supervisor that is stopping holds it alone."""
        with (self.directory / "demo.lease").open("a+") as lease:
            return not _try_lock(lease) and _try_lock(lease, fcntl.LOCK_SH)


class DemoSecrets:
    """A person's credentials in the demo's own directory, in place of a keyring."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def get(self, name: str) -> str | None:
        """Return a secret by name, or None."""
        found: dict[str, str] = msgspec.json.decode(self._path.read_bytes())
        return found.get(name)


def _try_lock(file: IO[str], kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
