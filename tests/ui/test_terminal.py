"""What reaches a real terminal, byte by byte, when every text from outside is hostile."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"down": b"\x1b[B", "right": b"\x1b[C", "pagedown": b"\x1b[6~", "end": b"\x1b[F", "home": b"\x1b[H"}
KEYS |= {"enter": b"\r", "tab": b"\t"}
#: What an application may say: move (H), colour (m), modes (h, l), the keyboard protocol (u), the pointer (OSC 22).
OURS = re.compile(
    rb"\x1b\[[0-9;:]*[Hm]|\x1b\[\?[0-9;]+[hl]|\x1b\[[<>=?]?[0-9;]*u|\x1b\]22;[a-z-]*\x07|\x1b\[\?[0-9]+\$p"
)
UNSAFE = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: Seconds without a byte after which the app has said what it had to say.
QUIET_S = 0.06
ESCAPE_S = 0.2
DEADLINE_S = 30.0


class Terminal:
    """A program in a terminal of 100×30, and every byte that it wrote."""

    def __init__(self, *argv: str, env: dict[str, str] | None = None) -> None:
        self.seen = bytearray()
        self.screen = pyte.Screen(100, 30)
        self._stream = pyte.ByteStream(self.screen)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.environ.update({"TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})})
            os.execv(sys.executable, [sys.executable, *argv])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))

    def read(self, quiet: float = QUIET_S) -> bool:
        """Read until nothing comes for `quiet` seconds; False once the program has ended."""
        while select.select([self.fd], [], [], quiet)[0]:
            try:
                data = os.read(self.fd, 65_536)
            except OSError:
                return False
            if not data:
                return False
            self.seen += data
            self._stream.feed(re.sub(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p", b"", data))
        return True

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as a quick hand does, and read what they made the program write."""
        ahead = b""
        for key in keys:
            ahead += KEYS.get(key, key.encode())
            if key == "\x1b":
                # A key that follows an escape at once is read as one pressed with Alt.
                os.write(self.fd, ahead)
                ahead = b""
                self.read(ESCAPE_S)
        if ahead:
            os.write(self.fd, ahead)
            self.read()

    def wait(self, words: str) -> None:
        for _ in range(int(DEADLINE_S / QUIET_S)):
            self.read()
            if words in self.text():
                return
        raise AssertionError(f"{words!r} never came:\n{self.text()}")

    def leave(self, words: str) -> None:
        """Press Escape, and wait until what it closes is gone: a busy program reads two keys that come apart as one."""
        self.press("\x1b")
        for _ in range(int(DEADLINE_S / QUIET_S)):
            if words not in self.text():
                return
            self.read()
        raise AssertionError(f"{words!r} never went:\n{self.text()}")

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def end(self) -> int:
        """Wait for the end and return the exit code."""
        if self.read(DEADLINE_S):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            raise AssertionError(f"it did not end:\n{self.text()}")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def deeds(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "deeds"


def unsafe(seen: bytes) -> list[str]:
    rest = OURS.sub(b"", seen).decode("utf-8", "backslashreplace")
    return [rest[max(0, m.start() - 30) : m.end() + 30] for m in UNSAFE.finditer(rest)][:5]


def test_the_probe_finds_what_it_looks_for() -> None:
    for bad in ("\x1b]52;c;eA==\x07", "\x1b]0;x\x07", "\x1b[2J", "\x9b2J", "a\u202eb", "\x1b]8;;x\x1b\\"):
        assert unsafe(b"\x1b[1;1H\x1b[1mok\x1b[0m" + bad.encode())
    assert not unsafe(b"\x1b[?1049h\x1b[1;1H\x1b[38;2;1;2;3mok\x1b[0m\x1b]22;default\x07\r\n")


READS = {
    "queue",
    "case_rows",
    "open_case",
    "timeline",
    "claim_next",
    "claim",
    "heartbeat",
    "escalations",
    "open_escalation",
    "audit",
    "aclose",
    "left_standing",
}


DIALOGS = {
    "f": "Show only events",
    "x": "Hide events",
    "l": "Whose is it?",
    "a": "Nothing runs from this list",
    "o": "Note on",
    "r": "Mail on",
    "e": "Packet of",
    "v": "Reveal one field",
    "t": "Which pin shows it?",
}


def test_an_analyst_sees_hostile_texts_and_nothing_obeys(deeds: Path) -> None:
    terminal = Terminal("-m", "tests.ui.run_paper", "ana.k", "poisoned", str(deeds))
    terminal.wait("Mine")
    terminal.press("pagedown", "pagedown", "pagedown", "end", "home", "n")
    terminal.wait("timeline")
    terminal.press("down", "down", "down", "down", "pagedown", "pagedown", "end", "home", "tab")
    for _ in range(5):
        terminal.press("right", "end")
    for key, words in DIALOGS.items():
        terminal.press(key)
        terminal.wait(words)
        terminal.leave(words)
    terminal.press("?", "end", "\x1b", "6", "end", "q")
    assert terminal.end() == 0
    assert not unsafe(bytes(terminal.seen))
    assert set(deeds.read_text("utf-8").split()) - READS == set()


#: For each way to choose what of the timeline is shown: the keys, what says that it is open, the keys in it.
CHOICES = {
    "g": ("How often values occur", ("right", "end", "home", "left", *("down", "right", "pagedown", "left") * 20)),
    "Q": ("save mine", ("end", "home", *["down"] * 30)),
    "G": ("Where the events come from", ("end", "home")),
    "K": ("What the rules found", ("end",)),
    "w": ("Go along", ("end",)),
    "N": ("Sort the timeline", ("end",)),
}


def test_what_is_chosen_by_is_hostile_and_nothing_obeys(deeds: Path) -> None:
    terminal = Terminal("-m", "tests.ui.run_paper", "ana.k", "poisoned", str(deeds))
    terminal.wait("Mine")
    terminal.press("n")
    terminal.wait("timeline")
    terminal.press("end", "home")
    for key, (words, inside) in CHOICES.items():
        terminal.press(key)
        terminal.wait(words)
        terminal.press(*inside)
        terminal.leave(words)
    for field in ("action", "device", "user_agent", "target", "ip", "session"):
        terminal.press("/", *f"{field}:", "down", "down", "down", "tab", "\r")
        terminal.press("F", "-", "x", "\x1b")
    for _ in range(5):
        terminal.press("D", "pagedown", "home")
    terminal.press("L", "end", "home", "L", "y", "h", "home", "v", "end", "\x1b", "S")
    for _ in range(9):
        terminal.press("]", "end")
    terminal.press("q")
    assert terminal.end() == 0
    assert not unsafe(bytes(terminal.seen))
    assert set(deeds.read_text("utf-8").split()) - READS == set()


def test_a_senior_opens_a_hostile_packet_and_nothing_obeys(deeds: Path) -> None:
    terminal = Terminal("-m", "tests.ui.run_paper", "mia.s", "poisoned", str(deeds))
    terminal.wait("Mine")
    terminal.press("3")
    terminal.wait("packets")
    terminal.press("enter", "pagedown", "pagedown", "end", "right", "down", "tab", "end")
    for key, words in {"y": "Approve a request", "A": "Arm:", "R": "Return CS-48213", "V": "Veto"}.items():
        terminal.press(key)
        terminal.wait(words)
        terminal.leave(words)
    terminal.press("q")
    assert terminal.end() == 0
    assert not unsafe(bytes(terminal.seen))
    assert set(deeds.read_text("utf-8").split()) - READS == set()


def test_a_locked_terminal_holds_no_byte_of_the_case() -> None:
    terminal = Terminal("-m", "tests.ui.run_paper", "ana.k")
    terminal.wait("Mine")
    terminal.press("n")
    terminal.wait("timeline")
    terminal.press("o")
    terminal.wait("Note on")
    terminal.press(*"The owner is in Porto.")
    terminal.wait("Porto")
    before = len(terminal.seen)
    os.kill(terminal.pid, signal.SIGUSR1)
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.wait("LOCKED")
    terminal.press("n", "2", "3", "?")
    locked = terminal.seen.index(b"LOCKED", before)
    after = bytes(terminal.seen[locked:]).decode("utf-8", "backslashreplace")
    for trace in ("CS-", "48213", "AA71", "N84G", "proton", "Porto", "withdraw", "Kovač"):
        assert trace not in terminal.text(), trace
        assert trace not in after, trace
    terminal.press("enter")
    terminal.wait("Touch your key.")
    terminal.press("t")
    terminal.wait("The owner is in Porto.")
    terminal.press("\x1b")
    terminal.wait("ana.k")
    terminal.press("\x11")
    terminal.wait("Something is unsent")
    terminal.press("tab", "enter")
    assert terminal.end() == 0


@pytest.mark.parametrize(
    "env",
    [{"NO_COLOR": "1"}, {"TERM": "xterm", "COLORTERM": "", "TEXTUAL_COLOR_SYSTEM": "standard"}],
    ids=["no-colour", "sixteen"],
)
def test_the_cursor_is_seen_without_colours(env: dict[str, str]) -> None:
    terminal = Terminal("-m", "tests.ui.run_paper", env=env)
    terminal.wait("CS-48213")
    terminal.press("down")
    line = next(line for line in terminal.text().splitlines() if "CS-48206" in line)
    assert "▶" in line
    terminal.press("q")
    assert terminal.end() == 0
