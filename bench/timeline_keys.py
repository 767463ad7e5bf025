"""Keys on the account screen over a timeline of a million events: from the key to the paint, in a pseudo-terminal.

At rest, and while 50,000 events a second flow in between those that are shown. Beside them, on the same lines in the
same terminal, what else shows so many rows: lnav, toolong, and Textual's own table. The programs run one after the
other; each is pressed one key at a time. A number of a peer that is missing is -1, and a line on stderr says why.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyte

from bench.accounts import lines
from bench.rows import Row
from bench.terminal import Painted, Terminal

COUNT, FLOW = 1_000_000, 1_600_000
#: Rows of Textual's own table: a million take it about four minutes to open.
TABLE = 100_000
#: Presses of each key.
PRESSES = 40
#: How often a terminal opens the case anew, and asks each question of the whole timeline.
OPENED, ASKED = 3, 12
#: Seconds between two keys: longer than the panes that follow a key take, so that none is measured with the one before.
PAUSE_S, FLOW_PAUSE_S, PEER_PAUSE_S = 0.12, 0.1, 0.15
DOWN, UP, PAGE_DOWN, PAGE_UP, HOME, END = b"\x1b[B", b"\x1b[A", b"\x1b[6~", b"\x1b[5~", b"\x1b[H", b"\x1b[F"
#: What is pressed in which order: what it is called, and its bytes. The cursor moves within the page before it scrolls.
KEYS: tuple[tuple[str, bytes, int], ...] = (
    ("-", HOME, 1),
    ("cursor", DOWN, 13),
    ("cursor", UP, 13),
    ("cursor", DOWN, 13),
    ("-", DOWN, 8),
    ("scroll", DOWN, PRESSES),
    ("page down", PAGE_DOWN, PRESSES),
    ("page up", PAGE_UP, PRESSES),
    ("next mark", b"m", PRESSES),
)
#: What every peer has, save that no more events come into Textual's table.
_ASKED_OF_ALL = ("open", "scroll, at rest", "end, home, at rest")
#: What came into the list while keys were pressed: keys would be quick if nothing did.
FLOWED = "came in between the keys"
#: Milliseconds, p95.
BUDGETS = {
    "cursor": "≤ 8",
    "open": "≤ 300",
    "fold": "≤ 100",
    "filter": "≤ 50",
    "filter dropped": "≤ 50",
    "values": "≤ 50",
}


def measure() -> list[Row]:
    """Return the rows of the timeline's keys, at rest and while events flow in, beside the peers'."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder)
        opened = [_opened(folder) for _ in range(OPENED - 1)]
        ours = _ours(folder)
        ours["open"] += opened
        _head(folder)
        peers = {peer: _peer(peer, folder) for peer in PEERS}
    return _rows(ours, peers)


def _write(folder: Path) -> None:
    """Write the events: first a history, then another one of the same time that flows in between."""
    with (folder / "events.ndjson").open("wb") as file:
        file.writelines(line + b"\n" for line in lines(COUNT))
        file.writelines(line + b"\n" for line in lines(FLOW, seed=8))


# -- ours ----------------------------------------------------------------------------------------------


#: Where the list begins at 140 cells: the account's card is left of it.
_LEFT = 35


def cursor(screen: pyte.Screen) -> str:
    """Look at the row under the cursor: at its text, not at where it is, for rows come in above it."""
    rows = (screen.buffer[y] for y in range(screen.lines))
    row = next((row for row in rows if row[_LEFT].data == "▶"), None)
    return "".join(row[x].data for x in range(_LEFT, screen.columns - 4)) if row is not None else ""


def _list(screen: pyte.Screen) -> tuple[str, ...]:
    """Look at the timeline's box without the card beside it and the panes under it."""
    return tuple(line[_LEFT:-4] for line in screen.display[2:24])


def _start(folder: Path) -> Terminal:
    for name in ("filled", "flow", "dry"):
        (folder / name).unlink(missing_ok=True)
    terminal = Terminal([sys.executable, "-m", "bench.timeline_app", "app", str(folder), str(COUNT)])
    terminal.until("CS-")
    terminal.until((folder / "filled").exists, 120.0)
    terminal.rest(1.0)
    terminal.replay(_list)
    return terminal


def _open(terminal: Terminal) -> float:
    """Open the first case; return milliseconds until the first rows of its timeline are painted."""
    terminal.press(b"\r", "open", 3.0)
    return next(one.first for one in terminal.replay(cursor) if one.first is not None)


def _opened(folder: Path) -> float:
    terminal = _start(folder)
    try:
        return _open(terminal)
    finally:
        terminal.close()


#: Questions of the whole timeline, in turns: what is typed first, and the key whose answer is waited for. None is Esc:
#: Textual waits a tenth of a second whether that begins another key.
ASKS: tuple[tuple[str, str, bytes], ...] = (
    ("fold", "", b"s"),
    ("fold", "", b"s"),
    ("filter", "/source.ip:203.0.{turn}.*", b"\r"),
    ("filter dropped", "", b"<"),
    ("values", "", b"g"),
)


def _ours(folder: Path) -> dict[str, list[float]]:
    terminal = _start(folder)
    try:
        found = {"open": [_open(terminal)]}
        found |= _pressed(terminal, cursor, PAUSE_S, "at rest")
        found |= _asked(terminal)
        (folder / "flow").touch()
        terminal.rest(1.0)
        terminal.replay(cursor)
        began, before = time.perf_counter(), _shown(terminal)
        found |= _pressed(terminal, cursor, FLOW_PAUSE_S, "events flow in")
        found[FLOWED] = [(_shown(terminal) - before) / (terminal.seen - began)]
        if (folder / "dry").exists():
            print("timeline_keys: the events ran out before the keys did", file=sys.stderr)
        return found
    finally:
        terminal.close()


def _shown(terminal: Terminal) -> int:
    """Return how many events the title of the list says."""
    said = re.search(r"timeline ([0-9,]+) events", "\n".join(terminal.screen.display))
    return int(said[1].replace(",", "")) if said else -1


def _pressed(
    terminal: Terminal, look: Callable[[pyte.Screen], Any], pause_s: float, when: str
) -> dict[str, list[float]]:
    for name, key, times in KEYS:
        for _ in range(times):
            terminal.press(key, name, pause_s)
    for _ in range(PRESSES // 2):
        terminal.press(END, "end, home", pause_s)
        terminal.press(HOME, "end, home", pause_s)
    return _sorted(terminal.replay(look), when)


def _sorted(painted: Iterable[Painted], when: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for one in painted:
        # A key that had nothing to change (the end reached, an equal row) is no paint.
        if one.first is not None:
            found.setdefault(f"{one.name}, {when}", []).append(one.first)
    return found


def _asked(terminal: Terminal) -> dict[str, list[float]]:
    """Fold and unfold, ask for a value and drop that again, count values: until the last paint of the rows."""
    found: dict[str, list[float]] = {name: [] for name, _, _ in ASKS}
    for turn in range(ASKED):
        for name, typed, key in ASKS:
            if typed:
                terminal.press(typed[:1].encode(), rest_s=0.4)
                terminal.press(typed[1:].format(turn=turn).encode(), rest_s=0.6)
            terminal.press(key, name, 0.8)
            if name == "values":
                terminal.press(b"\x1b", rest_s=0.4)
    for one in terminal.replay(_list):
        if one.name in found and one.last is not None:
            found[one.name].append(one.last)
    return found


# -- peers ---------------------------------------------------------------------------------------------

#: A format that tells lnav what a line is; without one it shows JSON as it stands.
_LNAV = {
    "bench_log": {
        "title": "events",
        "json": True,
        "file-pattern": "peer\\.ndjson$",
        "timestamp-field": "@timestamp",
        "body-field": "event.action",
        "line-format": [{"field": "@timestamp"}, " ", {"field": "event.action"}, " ", {"field": "source.ip"}],
        "value": {"event.action": {"kind": "string"}, "source.ip": {"kind": "string"}},
    }
}
#: What each is started with, when it is ready, and its keys. lnav answers the arrows late in a terminal without a
#: person, its letters at once; toolong begins at the end, so its keys go up.
PEERS: dict[str, tuple[str, tuple[tuple[str, bytes], ...]]] = {
    "lnav": ("sign_in|order|page|api|balance", (("scroll", b"j"), ("page down", b" "), ("end, home", b"gG"))),
    "toolong": ("event", (("scroll", UP), ("page up", PAGE_UP), ("end, home", HOME + END))),
    "DataTable": (
        "order|page|api|balance",
        (("cursor", DOWN), ("scroll", DOWN), ("page down", PAGE_DOWN), ("end, home", b"\x1b[1;5F\x1b[1;5H")),
    ),
}
#: Seconds within which a peer opens the file, and for which it is left alone then.
PEER_S, SETTLE_S = 120.0, 4.0


def _peer(name: str, folder: Path) -> dict[str, list[float]]:
    """Return what a peer takes for the same keys; nothing where it is not here."""
    argv = _argv(name, folder)
    if not argv:
        print(f"timeline_keys: no {name} on PATH: its numbers are missing", file=sys.stderr)
        return {}
    ready, keys = PEERS[name]
    terminal = Terminal(argv, env={"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / ".config")})
    try:
        found = {"open": [terminal.until(ready, PEER_S)]}
        terminal.rest(SETTLE_S)
        terminal.replay(_middle)
        terminal.press(keys[-1][1][:1] if name == "lnav" else HOME if name == "DataTable" else END, rest_s=1.0)
        found |= _peer_pressed(terminal, keys, "at rest")
        if name != "DataTable":
            with _appending(folder):
                found |= _peer_pressed(terminal, keys, "events flow in")
        return found
    except (TimeoutError, OSError) as error:
        print(f"timeline_keys: {name}: {error}: its numbers are missing", file=sys.stderr)
        return {}
    finally:
        terminal.close()


def _argv(name: str, folder: Path) -> list[str]:
    if name == "DataTable":
        return [sys.executable, "-m", "bench.timeline_app", "table", str(folder), str(TABLE)]
    found = shutil.which({"lnav": "lnav", "toolong": "tl"}[name])
    return [found, str(folder / "peer.ndjson")] if found else []


def _peer_pressed(terminal: Terminal, keys: Sequence[tuple[str, bytes]], when: str) -> dict[str, list[float]]:
    for name, key in keys:
        # Two keys in one are pressed in turns; a cursor is measured before the page scrolls.
        each = [key[: len(key) // 2], key[len(key) // 2 :]] if name == "end, home" else [key]
        for _ in range(30 if name == "cursor" else PRESSES // len(each)):
            for one in each:
                terminal.press(one, name, PEER_PAUSE_S)
    return _sorted(terminal.replay(_middle), when)


def _middle(screen: pyte.Screen) -> Any:
    """Look at the rows, and at their colours where a cursor is nothing else; not at the lines of words around them."""
    return [tuple(screen.buffer[y][x] for x in range(0, screen.columns - 4, 3)) for y in range(3, screen.lines - 4)]


@contextmanager
def _appending(folder: Path) -> Iterator[None]:
    """Let the second history be written after the first at the pace at which it flows into ours."""
    process = subprocess.Popen([sys.executable, "-m", "bench.timeline_app", "append", str(folder), str(COUNT)])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _head(folder: Path) -> None:
    """Write what the peers open: the first history alone, and lnav's format."""
    with (folder / "events.ndjson").open("rb") as lines_, (folder / "peer.ndjson").open("wb") as file:
        file.writelines(itertools.islice(lines_, COUNT))
    formats = folder / ".config" / "lnav" / "formats" / "installed"
    formats.mkdir(parents=True)
    (formats / "bench.json").write_text(json.dumps(_LNAV))


# -- rows ----------------------------------------------------------------------------------------------


def _rows(ours: Mapping[str, list[float]], peers: Mapping[str, Mapping[str, list[float]]]) -> list[Row]:
    return [
        _row(name, times, {peer: found.get(name, []) for peer, found in peers.items()}) for name, times in ours.items()
    ]


def _row(name: str, times: list[float], peers: Mapping[str, list[float]]) -> Row:
    beside = {"p50": _part(times, 50), "max": max(times, default=-1.0), "n": float(len(times))}
    for peer, theirs in peers.items():
        label = f"{peer} of {TABLE:,}" if peer == "DataTable" else peer
        if theirs:
            beside |= {f"{label} p50": _part(theirs, 50), f"{label} p95": _part(theirs, 95)}
        elif name in _ASKED_OF_ALL:
            beside[label] = -1.0
    if name == FLOWED:
        return Row(name=f"timeline of 1M events: {name}", value=times[0], unit="ev/s", budget="≥ 50,000", beside={})
    key = name.partition(",")[0]
    budget = BUDGETS.get(key, "≤ 12")
    return {
        "name": f"timeline of 1M events: {name}",
        "value": _part(times, 95),
        "unit": "ms",
        "budget": budget,
        "beside": beside,
    }


def _part(times: list[float], percent: int) -> float:
    return sorted(times)[round(percent / 100 * (len(times) - 1))] if times else -1.0
