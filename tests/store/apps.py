"""Programs that hold a lease on an embedded database, as processes that can be killed, and what is left of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg

from tests.store.waiting import until
from workstation.services.store.embedded_cluster import postmaster_of

ROOT = Path(__file__).resolve().parents[2]
#: Where a program that a test starts finds ours, wherever it is started.
IMPORTS = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))

#: The directory goes by the environment, so that a program is never taken for a remainder of its database.
PROGRAM = """
import json, os, pathlib, sys
from workstation.services.errors import StoreError
from workstation.services.store import embedded
said = []
try:
    lease = embedded.start(pathlib.Path(os.environ["DATABASE"]), timeout=float(os.environ.get("TIMEOUT", "60")),
                           on_progress=said.append)
except StoreError as error:
    print(json.dumps({"error": error.what, "hint": error.hint}), flush=True)
    sys.exit(1)
print(json.dumps({"host": lease.host, "said": said}), flush=True)
sys.stdin.read()
"""


class App:
    """A program that starts or joins the database and holds it until its input is closed or it is killed."""

    def __init__(self, directory: Path, *, wrapper: tuple[str, ...] = (), **environment: str) -> None:
        self.directory = directory
        self.process = subprocess.Popen(
            [*wrapper, sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "DATABASE": str(directory), "PYTHONPATH": IMPORTS, **environment},
            cwd=ROOT,
            text=True,
        )
        self.said: list[str] = []

    def answer(self) -> dict[str, object]:
        """Wait for what the program prints when it is up, or has failed."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the program ended without a word, status {self.process.wait()}"
        return dict(json.loads(line))

    def up(self) -> str:
        """Wait until the program holds the database; return the socket directory."""
        answer = self.answer()
        assert "error" not in answer, answer
        self.said = list(answer["said"])  # type: ignore[call-overload]
        return str(answer["host"])

    def leave(self) -> None:
        """End the program in the ordinary way."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)

    def kill(self) -> None:
        """End the program by force."""
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        """Make sure that it is gone."""
        if self.process.poll() is None:
            self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


def remains(directory: Path) -> list[tuple[int, str]]:
    """Return the living processes that belong to the database in `directory`, by argument or working directory."""
    found = []
    if not Path("/proc/self").exists():
        said = subprocess.run(["ps", "-axww", "-o", "pid=,args="], capture_output=True, text=True).stdout
        lines = [line.split(None, 1) for line in said.splitlines()]
        return [(int(pid), words) for pid, words in lines if str(directory) in words]
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="surrogateescape")
            where = (entry / "cwd").readlink()
        except OSError:
            continue
        if str(directory) in words or directory in (where, *where.parents):
            found.append((int(entry.name), words.replace("\0", " ")[:200]))
    return found


def supervisors(directory: Path) -> list[int]:
    """Return the pids of the living supervisors of `directory`."""
    return [pid for pid, words in remains(directory) if "store.supervisor" in words]


def postmaster(directory: Path) -> int:
    """Wait for a living postmaster of `directory` and return its pid."""
    return until(lambda: postmaster_of(directory / "data"), "a postmaster") or 0


def gone(directory: Path) -> None:
    """Wait until no process of `directory` is left."""
    until(lambda: not remains(directory), f"no process of {directory}: {remains(directory)}")


def kill(pid: int) -> None:
    """Send SIGKILL."""
    os.kill(pid, signal.SIGKILL)


def ask(host: str, user: str = "pgsuper", dbname: str = "postgres", **more: str) -> object:
    """Connect and ask for 1."""
    with psycopg.connect(host=host, user=user, dbname=dbname, connect_timeout=5, **more) as connection:  # type: ignore[arg-type]
        row = connection.execute("SELECT 1").fetchone()
    return row[0] if row else None


def answers(host: str) -> bool:
    """Return whether the server takes a connection now."""
    try:
        return ask(host) == 1
    except psycopg.OperationalError:
        return False
