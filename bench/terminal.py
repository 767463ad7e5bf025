"""A program in a pseudo-terminal: how long until its first screen, and from a key to what it paints.

What comes out is stamped when it is read and emulated afterwards, so that emulation costs nothing. Where a program
paints in whole frames (mode 2026), a frame counts when its last byte has come, as on a terminal that shows it then.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pyte

_QUERIES = (
    (b"\x1b[6n", b"\x1b[1;1R"),
    (b"\x1b[c", b"\x1b[?62;22c"),
    (b"\x1b[0c", b"\x1b[?62;22c"),
    (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
)
#: What the emulator does not know: private modes, questions, titles.
_UNKNOWN = re.compile(
    rb"\x1b\[[><=?][0-9;]*[a-zA-Z]|\x1b\[[?>]?[0-9;]*\$[a-z]|\x1b\[[0-9;]*t|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    rb"|\x1bP[^\x1b]*\x1b\\"
)
#: A sequence that the next chunk goes on with.
_TAIL = re.compile(rb"\x1b(?:\[[?><=]?[0-9;:]*\$?|\][^\x07\x1b]*|P[^\x1b]*)?$")
_FRAME, _WHOLE = b"\x1b[?2026h", b"\x1b[?2026l"

#: A key whose answer is not asked for.
_NONE = "-"

#: What of a screen is compared.
Look = Callable[[pyte.Screen], Any]


class Painted(NamedTuple):
    """Milliseconds from a key to the first and to the last paint that changed what is looked at; None: none did."""

    name: str
    first: float | None
    last: float | None


class Terminal:
    """A program in a pseudo-terminal; leave it with :meth:`close`.

    Args:
        argv: the program.
        rows: lines of the terminal.
        cols: cells of a line.
        env: variables beside those of this process.
    """

    def __init__(self, argv: list[str], rows: int = 40, cols: int = 140, env: Mapping[str, str] | None = None) -> None:
        self.screen = pyte.Screen(cols, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._rest = b""
        self._frame = False
        #: Chunks and keys in their order, not emulated yet: when, what, and a key's name.
        self._kept: list[tuple[float, bytes, str]] = []
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        #: When it was started, and when what was replayed last came, on the clock of `time.perf_counter`.
        self.started = self.seen = time.perf_counter()
        self.pid = os.fork()
        if self.pid == 0:
            _become(slave, argv, env or {})
        os.close(slave)

    def until(self, ready: str | Callable[[], bool], limit_s: float = 30.0) -> float:
        """Return milliseconds from the start until the screen shows `ready` (a regular expression), or it is true.

        Raises:
            TimeoutError: it never did.
        """
        end = time.perf_counter() + limit_s
        while time.perf_counter() < end:
            chunk = self._read(0.2)
            if chunk is not None:
                self._emulate(chunk[1])
            if ready() if callable(ready) else chunk and re.search(ready, "\n".join(self.screen.display)):
                return ((chunk[0] if chunk else time.perf_counter()) - self.started) * 1000
        raise TimeoutError(f"{ready!r} was not painted within {limit_s} s")

    def press(self, key: bytes, name: str = _NONE, rest_s: float = 0.1) -> None:
        """Press a key, and keep what comes within `rest_s` seconds; one without a name is not answered for."""
        at = time.perf_counter()
        self._kept.append((at, b"", name))
        os.write(self._master, key)
        self.rest(rest_s - (time.perf_counter() - at))

    def rest(self, rest_s: float) -> None:
        """Keep what comes within `rest_s` seconds."""
        end = time.perf_counter() + rest_s
        while (left := end - time.perf_counter()) > 0:
            chunk = self._read(left)
            if chunk is not None:
                self._kept.append((*chunk, ""))

    def replay(self, look: Look) -> list[Painted]:
        """Emulate what was kept; return when each key since the last time was answered."""
        painted: list[Painted] = []
        pressed, name, first, last = 0.0, _NONE, None, None
        seen = look(self.screen)
        for at, data, key in (*self._kept, (0.0, b"", _NONE)):
            if key:
                painted += [Painted(name, first, last)] if name != _NONE else []
                pressed, name, first, last = at, key, None, None
                continue
            self._emulate(data)
            self.seen = at or self.seen
            if not self._frame and (now := look(self.screen)) != seen:
                seen, last = now, (at - pressed) * 1000
                first = last if first is None else first
        self._kept.clear()
        return painted

    def close(self) -> None:
        """End the program."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._master)

    def _read(self, limit_s: float) -> tuple[float, bytes] | None:
        if not select.select([self._master], [], [], limit_s)[0]:
            return None
        data = os.read(self._master, 1 << 16)
        at = time.perf_counter()
        for query, answer in _QUERIES:
            if query in data:
                os.write(self._master, answer)
        return at, data

    def _emulate(self, data: bytes) -> None:
        data = self._rest + data
        tail = _TAIL.search(data)
        self._rest = data[tail.start() :] if tail else b""
        data = data[: len(data) - len(self._rest)]
        if _FRAME in data or _WHOLE in data:
            self._frame = data.rfind(_FRAME) > data.rfind(_WHOLE)
        self._stream.feed(_UNKNOWN.sub(b"", data))


def first_paint_ms(argv: list[str], ready: str, rows: int = 40, cols: int = 120, limit_s: float = 30.0) -> float:
    """Return milliseconds from before the fork until the screen shows `ready` (a regular expression).

    Raises:
        TimeoutError: it never did.
    """
    terminal = Terminal(argv, rows, cols)
    try:
        return terminal.until(ready, limit_s)
    finally:
        terminal.close()


def whole(screen: pyte.Screen) -> Any:
    """Look at every character and its attributes."""
    return [tuple(screen.buffer[y][x] for x in range(screen.columns)) for y in range(screen.lines)]


def _become(slave: int, argv: list[str], more: Mapping[str, str]) -> None:
    try:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for number in (0, 1, 2):
            os.dup2(slave, number)
        env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **more}
        # It would have our own package compiled again at every start.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        os.execvpe(argv[0], argv, env)
    finally:
        os._exit(127)
