"""A program in a pseudo-terminal, timed from before its start to the first screen that shows a text."""

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

import pyte

_QUERIES = ((b"\x1b[6n", b"\x1b[1;1R"), (b"\x1b[c", b"\x1b[?62;22c"), (b"\x1b[?2026$p", b"\x1b[?2026;2$y"))
_UNKNOWN = re.compile(rb"\x1b\[[><=?][0-9;]*[a-zA-Z]|\x1b\[[?>]?[0-9;]*\$[a-z]|\x1b\[[0-9;]*t")


def first_paint_ms(argv: list[str], ready: str, rows: int = 40, cols: int = 120, limit_s: float = 30.0) -> float:
    """Return milliseconds from before the fork until the screen shows `ready` (a regular expression).

    Chunks are stamped when they are read and emulated afterwards, so that emulation costs nothing.

    Raises:
        TimeoutError: it never did.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        _become(slave, argv)
    os.close(slave)
    try:
        return _watch(master, ready, rows, cols, started, limit_s)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(master)


def _become(slave: int, argv: list[str]) -> None:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in (0, 1, 2):
        os.dup2(slave, number)
    env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    # It would have our own package compiled again at every start.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    os.execvpe(argv[0], argv, env)


def _watch(master: int, ready: str, rows: int, cols: int, started: float, limit_s: float) -> float:
    screen = pyte.Screen(cols, rows)
    stream = pyte.ByteStream(screen)
    while time.perf_counter() - started < limit_s:
        if not select.select([master], [], [], 0.2)[0]:
            continue
        data = os.read(master, 1 << 16)
        at = time.perf_counter()
        for query, answer in _QUERIES:
            if query in data:
                os.write(master, answer)
        stream.feed(_UNKNOWN.sub(b"", data))
        if re.search(ready, "\n".join(screen.display)):
            return (at - started) * 1000
    raise TimeoutError(f"{ready!r} was not painted within {limit_s} s")
