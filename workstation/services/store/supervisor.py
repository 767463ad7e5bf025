"""The process that keeps an embedded PostgreSQL alive while anybody needs it, and not a moment longer.

Started by ``embedded.start`` as ``python -m workstation.services.store.supervisor DIR``, in a session of
its own. It holds DIR/supervisor.lock, runs the server as its child, starts it again when it dies, and waits
for an exclusive lock on DIR/lease: the kernel grants it when the last program that held it shared has
closed it or died. The server has the kernel's word (or a watcher's, see ``embedded_launch``) that it is
stopped when this process is killed.

Exit statuses: 0 nobody is left, or another supervisor is at work; 3 the server does not start (DIR/server.log
says why); 4 the cluster is gone.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
from pathlib import Path

from workstation.services.clock import Clock, SystemClock
from workstation.services.errors import WorkstationError
from workstation.services.store import embedded_cluster as cluster
from workstation.services.store import embedded_home as files
from workstation.services.store import embedded_identity as identities

NOT_STARTING = 3
CLUSTER_GONE = 4

#: A server that lived this long had started; what ends it later is no reason to give up while it is needed.
_PROVEN_S = 2.0
_TRIES = 5
_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
#: A program that looks whether a supervisor lives holds the lock for a moment.
_LOCK_S = 1.0

_ENDED, _STOP = "ended", "stop"


class Supervisor:
    """Runs the server of one home until nobody needs it.

    Args:
        home: whose server.
        lock: descriptor of its supervisor's lock, which we hold.
        clock: for waiting and for the log.
    """

    def __init__(self, home: files.Home, lock: int, clock: Clock) -> None:
        self._home = home
        self._lock = lock
        self._clock = clock
        self._events: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._binaries = cluster.embedded_binaries()
        self._identity = identities.choose(self._binaries.path("postgres"))
        self._log = files.open_log(home.server_log)

    def run(self) -> int:
        """Keep the server running; return this process's exit status when it is stopped."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda _number, _frame: self._events.put(_STOP))
        lease = files.private_file(self._home.lease)
        threading.Thread(target=self._wait_for_lease, args=(lease,), daemon=True).start()
        cluster.end_postmaster(self._home.data, self._clock.monotonic)
        self._identity.own(self._home.data)
        sockets = files.socket_directory(self._home)
        files.say_serving(self._lock)
        try:
            return self._keep_running(sockets)
        finally:
            files.drop_socket_directory(self._home, sockets)

    def _keep_running(self, sockets: Path) -> int:
        failures, proven = 0, False
        while self._home.data.is_dir():
            begun = self._clock.monotonic()
            server = self._start(sockets)
            if self._events.get() == _STOP:
                server.stop()
                self._say("stopped the server: it is no longer needed")
                return 0
            lived = self._clock.monotonic() - begun
            failures = failures + 1 if lived < _PROVEN_S else 1
            proven = proven or lived >= _PROVEN_S
            self._say(f"the server ended with status {server.process.returncode} after {lived:.1f} s")
            if not proven and failures >= _TRIES:
                return NOT_STARTING
            with contextlib.suppress(queue.Empty):
                if self._events.get(timeout=min(_PAUSE_S * 2 ** (failures - 1), _LONGEST_PAUSE_S)) == _STOP:
                    return 0
        return CLUSTER_GONE

    def _start(self, sockets: Path) -> cluster.Postmaster:
        cluster.write_access(self._home.data, self._identity)
        server = cluster.Postmaster(self._identity, self._binaries, self._home.data, sockets, self._log)
        threading.Thread(target=self._wait_for_end, args=(server,), daemon=True).start()
        self._say(f"started the server, process {server.process.pid}")
        return server

    def _wait_for_end(self, server: cluster.Postmaster) -> None:
        server.process.wait()
        self._events.put(_ENDED)

    def _wait_for_lease(self, descriptor: int) -> None:
        files.lock_forever(descriptor)
        self._events.put(_STOP)

    def _say(self, text: str) -> None:
        sys.stdout.write(f"{self._clock.now():%Y-%m-%dT%H:%M:%SZ} [{os.getpid()}] {text}\n")
        sys.stdout.flush()


def main(argv: list[str]) -> int:
    """Supervise the home named by the one argument; return an exit status."""
    os.umask(0o077)
    clock = SystemClock()
    try:
        home = files.Home(Path(argv[0]))
        lock = files.wait_for_lock(home.supervisor_lock, files.EXCLUSIVE, clock, clock.monotonic() + _LOCK_S)
        return Supervisor(home, lock, clock).run()
    except TimeoutError:
        return 0
    except (WorkstationError, OSError) as error:
        sys.stderr.write(f"{error.sentence() if isinstance(error, WorkstationError) else error}\n")
        return NOT_STARTING


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
