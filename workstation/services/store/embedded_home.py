"""The directory of an embedded database: what lies where, who may wait for what, and where the socket goes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workstation.services.clock import Clock
from workstation.services.errors import StoreError
from workstation.services.text import clean

try:
    import fcntl
except ImportError as absent:  # Windows: neither peer authentication nor flock(2)
    raise StoreError(
        "The embedded database runs on Linux and macOS only.", "Use WSL, or name a server of your own in store.url."
    ) from absent

SHARED = fcntl.LOCK_SH
EXCLUSIVE = fcntl.LOCK_EX

#: The one port number of a server without TCP; it is only a part of the socket's name.
PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"
#: Bytes of ``sun_path`` without its closing zero: unix(7) says 108, macOS' <sys/un.h> 104.
SOCKET_LIMIT = 103 if sys.platform == "darwin" else 107
#: Bytes of a log after which it is put aside when the server starts.
LOG_LIMIT = 5_000_000

#: libpq takes a host with a comma for several hosts, and postmaster.pid is read by lines.
_SEPARATORS = frozenset(",\r\n")

_POLL_S = 0.02
_REMOVALS = 500
_SERVING = b"serving\n"


@dataclass(frozen=True, slots=True)
class Home:
    """Where everything of one embedded database lies. Directories are 0700, files 0600.

    Attributes:
        root: the directory, absolute and without symbolic links.
    """

    root: Path

    @property
    def data(self) -> Path:
        """The cluster."""
        return self.root / "data"

    @property
    def unborn(self) -> Path:
        """A cluster that is being made; it becomes `data` by one rename."""
        return self.root / "data.new"

    @property
    def takeover(self) -> Path:
        """The workshop of a takeover from another major version."""
        return self.root / "takeover"

    @property
    def lease(self) -> Path:
        """Locked shared by every program that needs the server, exclusively by a supervisor that stops it."""
        return self.root / "lease"

    @property
    def start_lock(self) -> Path:
        """Held by the one program that is starting the server."""
        return self.root / "start.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the supervisor, and by a program while it works on the cluster itself."""
        return self.root / "supervisor.lock"

    @property
    def server_log(self) -> Path:
        """What PostgreSQL says."""
        return self.root / "server.log"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor says."""
        return self.root / "supervisor.log"

    def supervised(self) -> bool:
        """Return whether a supervisor lives (or somebody works on the cluster)."""
        try:
            with locked(self.supervisor_lock, SHARED):
                return False
        except BlockingIOError:
            return True

    def serving(self) -> bool:
        """Return whether the living supervisor has got rid of what an earlier one left behind."""
        return self.supervised() and self.supervisor_lock.read_bytes() == _SERVING


def say_serving(lock: int) -> None:
    """Note in the supervisor's lock, open as `lock`, that a server seen from now on is its own."""
    os.pwrite(lock, _SERVING, 0)


def open_home(directory: Path) -> Home:
    """Make the directory private, with what is missing above it, and return it.

    Raises:
        StoreError: it cannot be made, or belongs to somebody else.
    """
    with explained(f"make the database's directory {clean(directory, 300)}"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = Home(directory.resolve())
        if home.root.stat().st_uid != os.geteuid():
            raise StoreError(
                f"The directory {clean(home.root, 300)} belongs to somebody else.",
                "Choose another directory, or run the program as its owner.",
            )
        home.root.chmod(0o700)
        return home


def private_file(path: Path, flags: int = os.O_RDWR) -> int:
    """Open `path`, making it with mode 0600, and return a descriptor that children do not inherit."""
    return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def write_private(path: Path, text: str) -> None:
    """Replace the file `path` by `text` as a whole, mode 0600, on the disk when this returns."""
    beside = path.with_name(path.name + ".new")
    descriptor = private_file(beside, os.O_WRONLY | os.O_TRUNC)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    beside.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Bring the names in a directory to the disk (a rename is not durable without it)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_log(path: Path) -> int:
    """Open a log for appending; one that has grown beyond `LOG_LIMIT` becomes ``….old`` first."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_name(path.name + ".old"))
    return private_file(path, os.O_WRONLY | os.O_APPEND)


@contextlib.contextmanager
def locked(path: Path, kind: int) -> Iterator[int]:
    """Hold a lock of `kind` on the file `path`; the kernel drops it with us, however we end.

    Raises:
        BlockingIOError: somebody else holds it.
    """
    descriptor = private_file(path)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


def wait_for_lock(path: Path, kind: int, clock: Clock, deadline: float) -> int:
    """Return a descriptor that holds a lock of `kind` on `path`.

    Args:
        path: the file; made when missing.
        kind: `SHARED` or `EXCLUSIVE`.
        clock: tells when to give up.
        deadline: its monotonic reading after which to give up.

    Raises:
        TimeoutError: somebody held it until the deadline.
    """
    descriptor = private_file(path)
    try:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                return descriptor
            if clock.monotonic() >= deadline:
                raise TimeoutError(path)
            rest()
    except BaseException:
        os.close(descriptor)
        raise


def lock_forever(descriptor: int) -> None:
    """Wait until an exclusive lock on `descriptor` is ours; shared ones that come meanwhile go first (flock(2))."""
    fcntl.flock(descriptor, EXCLUSIVE)


def rest(seconds: float = _POLL_S) -> None:
    """Wait between two looks at something that other processes change."""
    threading.Event().wait(seconds)


@contextlib.contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn an OSError into a StoreError which says that we could not do `doing`, and why."""
    try:
        yield
    except OSError as error:
        hint = {
            errno.ENOSPC: "The disk is full: make room and try again.",
            errno.EDQUOT: "Your share of the disk is used up: make room and try again.",
            errno.EACCES: "Check who owns it and what it allows, or choose another directory.",
            errno.EPERM: "Check who owns it and what it allows, or choose another directory.",
            errno.EROFS: "That disk is read-only: choose another directory.",
            errno.ENAMETOOLONG: "Choose a directory with a shorter name.",
        }.get(error.errno or 0, "Try again, or choose another directory.")
        raise StoreError(f"Could not {doing}: {clean(error.strerror or error, 200)}.", hint) from error


def socket_directory(home: Home, name: str = "s") -> Path:
    """Return a directory for the server's socket: private, short enough, and where a socket can be made.

    The database's own directory comes first, because a runtime directory goes away at log-out while
    a terminal multiplexer lives on.

    Raises:
        StoreError: there is none.
    """
    short = hashlib.sha256(os.fsencode(home.root)).hexdigest()[:12] + name
    uid = os.geteuid()
    candidates = [home.root / name]
    candidates += [Path(base, f"workstation-{short}") for base in (os.environ.get("XDG_RUNTIME_DIR"),) if base]
    candidates += [Path(f"/run/user/{uid}/workstation-{short}"), Path(f"/tmp/.workstation-{uid}/{short}")]  # noqa: S108
    for candidate in candidates:
        fits = len(os.fsencode(candidate / SOCKET)) <= SOCKET_LIMIT
        if fits and not _SEPARATORS & set(str(candidate)) and _usable(candidate, home):
            return candidate
    raise StoreError(
        f"There is no place for the database's socket: every path is closed, or longer than {SOCKET_LIMIT} bytes.",
        "Choose a directory with a shorter name for the database.",
    )


def drop_socket_directory(home: Home, directory: Path) -> None:
    """Remove an empty socket directory that is not below `home`."""
    if home.root not in directory.parents:
        with contextlib.suppress(OSError):
            directory.rmdir()


def _usable(candidate: Path, home: Home) -> bool:
    try:
        if candidate.parent.name == f".workstation-{os.geteuid()}":
            _make_private(candidate.parent)
        if candidate.parent != home.root and not _private(candidate.parent):
            return False
        _make_private(candidate)
        return _takes_sockets(candidate)
    except OSError:
        return False


def _make_private(path: Path) -> None:
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)


def _private(path: Path) -> bool:
    """Return whether nobody else can put anything there: /tmp is a place where others may have been first."""
    found = path.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def _takes_sockets(directory: Path) -> bool:
    """Return whether a socket can be bound there; some shared and network file systems have none."""
    trial = directory / ".trial"
    trial.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as probe:
        probe.bind(os.fsencode(trial))
    trial.unlink()
    return True


def remove_tree(path: Path) -> None:
    """Remove a directory and all below it, if it is there.

    The children of a killed ``initdb`` may write into it for a moment longer; it is tried again until they are gone.

    Raises:
        OSError: it cannot be removed.
    """
    for tries_left in range(_REMOVALS, -1, -1):
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            if not path.is_symlink() and not path.exists():
                return
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or not tries_left:
                raise
            rest()
        else:
            return
