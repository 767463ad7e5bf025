"""PostgreSQL on this machine, with nothing to set up: started when it is needed, gone when it is not.

::

    with embedded.start(directory) as lease:
        psycopg.connect(lease.dsn("alice", password, "workstation"))

Every program that needs the server holds a lease, a shared lock of the kernel on a file. One supervisor
process (``supervisor``) runs the server and stops it when the last lease is gone, by `close`, by exit or by
``kill -9``. docs/decisions/0002-embedded-postgresql.md says why it is built so and what it does not protect from.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from workstation.services.clock import Clock, SystemClock
from workstation.services.errors import StoreError
from workstation.services.store import embedded_cluster as cluster
from workstation.services.store import embedded_dump as dumps
from workstation.services.store import embedded_home as files
from workstation.services.store import embedded_identity as identities
from workstation.services.store import takeover
from workstation.services.text import clean

Progress = Callable[[str], None]

#: What of our environment the supervisor's Python may need; the server itself gets nothing of it.
_PASSED_ON = (
    *("PATH", "HOME", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "XDG_RUNTIME_DIR"),
    identities.ACCOUNT_VARIABLE,
)


class Lease:
    """Keeps the server running until it is closed or this process ends.

    A child made by a bare ``fork`` holds the lease too; one that runs another program does not.

    Attributes:
        directory: the database's directory.
        host: the directory of the server's socket; the ``host`` of a libpq connection.
        superuser: the bootstrap superuser, which only the operating system's user that started the server may be.
    """

    superuser = cluster.SUPERUSER

    def __init__(self, home: files.Home, descriptor: int, host: str, clock: Clock) -> None:
        self.directory = home.root
        self.host = host
        self._home = home
        self._clock = clock
        self._descriptor: int | None = descriptor

    def dsn(self, user: str, password: str, dbname: str) -> str:
        """Return a libpq connection string (keywords and values) for a login."""
        return conninfo(host=self.host, port=str(files.PORT), user=user, password=password, dbname=dbname)

    def superuser_dsn(self, dbname: str = "postgres") -> str:
        """Return a libpq connection string for the superuser; there is no password."""
        return conninfo(host=self.host, port=str(files.PORT), user=self.superuser, dbname=dbname)

    def ensure(self, timeout: float = 30.0) -> None:
        """Start the server again where its supervisor was killed, and learn its socket anew.

        Args:
            timeout: seconds until giving up.

        Raises:
            StoreError: the lease is closed, or the server does not start.
        """
        if self._descriptor is None:
            raise StoreError("The lease on the database was given back.", "Start it again.")
        self.host = _running(self._home, self._clock, self._clock.monotonic() + timeout, None, lambda word: None)

    def close(self) -> None:
        """Give the lease back; the server ends within about a second when it was the last."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def start(
    directory: Path,
    *,
    timeout: float = 30.0,
    on_progress: Progress | None = None,
    old_binaries: Path | None = None,
    clock: Clock | None = None,
) -> Lease:
    """Start the server of `directory`, or join the one that runs; make or take over the database where needed.

    Blocks; call it from a thread of its own where there is a loop.

    Args:
        directory: the database's directory; made when missing.
        timeout: seconds until giving up on locks and on the server; making the database and taking it over
            from another version have no limit here.
        on_progress: is told in a few words what is going on.
        old_binaries: where the programs of an older PostgreSQL lie, for a takeover.
        clock: the source of time.

    Raises:
        StoreError: there is no database to be had; the hint says what to do.
    """
    clock = clock or SystemClock()
    home = files.open_home(Path(directory).absolute())
    deadline = clock.monotonic() + timeout
    with files.explained("hold the database"):
        try:  # whoever stops the server holds this exclusively until it is gone
            descriptor = files.wait_for_lock(home.lease, files.SHARED, clock, deadline)
        except TimeoutError:
            raise StoreError("The database has been stopping for too long.", "Wait a moment and try again.") from None
    try:
        host = _running(home, clock, deadline, old_binaries, on_progress or (lambda word: None))
    except BaseException:
        os.close(descriptor)
        raise
    return Lease(home, descriptor, host, clock)


def _running(home: files.Home, clock: Clock, deadline: float, old_binaries: Path | None, tell: Progress) -> str:
    """Return the socket directory of the running server, after starting it where it does not run."""
    with files.explained("start the database"):
        try:
            turn = files.wait_for_lock(home.start_lock, files.EXCLUSIVE, clock, deadline)
        except TimeoutError:
            raise StoreError(
                "Another window is still preparing the database.", "Wait until it is done and try again."
            ) from None
        try:
            if not home.supervised():
                begun = clock.monotonic()
                _prepare(home, clock, old_binaries, tell)
                deadline += clock.monotonic() - begun
                tell("starting the database")
            return _await_server(home, clock, deadline)
        finally:
            os.close(turn)


def _prepare(home: files.Home, clock: Clock, old_binaries: Path | None, tell: Progress) -> None:
    """Leave a cluster of our version in its place; nobody else can touch it meanwhile."""
    binaries = cluster.embedded_binaries()
    with files.locked(home.supervisor_lock, files.EXCLUSIVE):
        takeover.recover(home)
        files.remove_tree(home.unborn)
        found = cluster.major_of(home.data)
        if found == binaries.major:
            return
        identity = identities.choose(binaries.path("postgres"))
        if found is not None:
            old = takeover.find_old(found, binaries.major, old_binaries)
            takeover.take_over(home, identity, old, binaries, clock, tell)
            return
        _refuse_foreign(home)
        tell("preparing the database for the first time")
        cluster.make_cluster(identity, binaries, home.unborn)
        home.unborn.rename(home.data)
        files.sync_directory(home.root)


def _refuse_foreign(home: files.Home) -> None:
    if home.data.is_symlink() or home.data.exists():
        raise StoreError(
            f"{clean(home.data, 300)} is there but is no database of PostgreSQL.",
            "Move it away, or choose another directory.",
        )


def _await_server(home: files.Home, clock: Clock, deadline: float) -> str:
    begun_at = home.server_log.stat().st_size if home.server_log.exists() else 0
    child: subprocess.Popen[bytes] | None = None
    while True:
        if child is not None and (child.poll() or 0) > 0:  # below zero it was killed, which says nothing of the server
            raise _not_starting(home, begun_at, "The database does not start")
        if (child is None or child.poll() is not None) and not home.supervised():
            child = _spawn_supervisor(home)
        if (host := cluster.listening(home.data)) and home.serving():
            return host
        if clock.monotonic() >= deadline:
            raise _not_starting(home, begun_at, "The database did not start in time")
        files.rest()


def _not_starting(home: files.Home, since: int, what: str) -> StoreError:
    said = cluster.log_tail(home.server_log, since) or cluster.log_tail(home.supervisor_log)
    return cluster.failure(what, said)


def _spawn_supervisor(home: files.Home) -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    package = Path(__file__).resolve().parents[3]
    if package.name not in ("site-packages", "dist-packages"):  # a checkout that may not be installed
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(package), environment.get("PYTHONPATH"))))
    with files.locked(home.supervisor_lock, files.EXCLUSIVE) as lock:
        os.ftruncate(lock, 0)  # what a killed supervisor had noted
    log = files.open_log(home.supervisor_log)
    try:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "workstation.services.store.supervisor", str(home.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    finally:
        os.close(log)
    threading.Thread(target=child.wait, name="supervisor-reaper", daemon=True).start()
    return child


def conninfo(**values: str) -> str:
    """Return a libpq connection string; quoting as in PostgreSQL's documentation, "Connection Strings"."""
    quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in values.items()}
    return " ".join(f"{name}='{value}'" for name, value in quoted.items())


def dump(lease: Lease, target: Path, clock: Clock | None = None) -> None:
    """Back the whole server up into the new directory `target`: roles with their verifiers, and each database.

    Raises:
        StoreError: the directory is there already, or something could not be dumped.
    """
    reach = dumps.Reach(cluster.embedded_binaries(), lease.host)
    dumps.dump(reach, Path(target).absolute(), clock or SystemClock())


def restore(lease: Lease, source: Path) -> None:
    """Bring a backup back into a server that holds nothing yet.

    Raises:
        StoreError: the backup is not whole, the server is not empty, or a statement was refused.
    """
    dumps.restore(dumps.Reach(cluster.embedded_binaries(), lease.host), Path(source).absolute())
