"""Which processes belong to a demo's directory."""

from __future__ import annotations

import threading
from pathlib import Path


def of(directory: Path) -> dict[int, str]:
    """Return pid → command line of every live process that names `directory`."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            dead = (entry / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        except OSError:
            continue
        if str(directory) in words and not dead:
            found[int(entry.name)] = words
    return found


def appears(directory: Path, word: str, other_than: int = 0, seconds: float = 20.0) -> int:
    """Wait for a process that names `directory` and `word`; return its pid, 0 when none came."""
    for _ in range(int(seconds / 0.1)):
        for pid, words in of(directory).items():
            if word in words and pid != other_than:
                return pid
        threading.Event().wait(0.1)
    return 0


def gone(directory: Path, seconds: float = 40.0) -> dict[int, str]:
    """Wait until no process names `directory`; return those that still do."""
    for _ in range(int(seconds / 0.1)):
        if not of(directory):
            return {}
        threading.Event().wait(0.1)
    return of(directory)
