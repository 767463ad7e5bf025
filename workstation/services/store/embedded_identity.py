"""Who the server runs as.

PostgreSQL refuses to run as root and as a user without a name. An ordinary user runs it directly. Root,
and a user that has no entry in the user database, run it in a user namespace, where the files stay
theirs. Where namespaces are forbidden (Docker's default seccomp profile), root needs an account.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workstation.services.errors import StoreError
from workstation.services.text import clean

#: Names the account that root turns into where user namespaces are forbidden.
ACCOUNT_VARIABLE = "WORKSTATION_DATABASE_ACCOUNT"
#: The account taken where the variable is not set.
ACCOUNT = "workstation-db"
#: Inside a namespace every foreign user appears as this one (/proc/sys/kernel/overflowuid), so it must never
#: be the one that the server trusts.
OVERFLOW_UID = 65534
#: Nothing of the caller's environment reaches the server or its tools: no PG*, no locale that is not there.
ENVIRONMENT = {"LANG": "C", "LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin", "TZ": "UTC"}

_LAUNCHER = Path(__file__).with_name("embedded_launch.py")
_PROBE_S = 10.0


@dataclass(frozen=True, slots=True)
class Identity:
    """How the server is started.

    Attributes:
        mode: see ``embedded_launch``.
        uid: the user that the server believes it is.
        gid: its group.
        peer: the name under which the server sees the user who started us; the only one it takes for its superuser.
        watched: keep a process that watches, instead of asking the kernel to end the server with us.
    """

    mode: Literal["direct", "namespace", "account"]
    uid: int
    gid: int
    peer: str
    watched: bool = False

    def command(self, program: Path, *args: str | Path, ending: signal.Signals = signal.SIGINT) -> list[str]:
        """Return the argv that runs `program` as this identity, and sends it `ending` when this thread ends."""
        mode = f"{self.mode}+watch" if self.watched else self.mode
        ours = (os.getpid(), int(ending), mode, self.uid, self.gid)
        return [sys.executable, "-I", "-S", str(_LAUNCHER), *map(str, ours), str(program), *map(str, args)]

    def own(self, path: Path) -> None:
        """Give `path`, and all below it, to the server where it does not belong to it yet; the top comes last.

        Raises:
            OSError: it belongs to somebody else and we may not change that.
        """
        uid, gid = (self.uid, self.gid) if self.mode == "account" else (os.geteuid(), os.getegid())
        if path.lstat().st_uid == uid:
            return
        for directory, _, names in os.walk(path, topdown=False):
            for each in (*(Path(directory, name) for name in names), Path(directory)):
                os.chown(each, uid, gid, follow_symlinks=False)
        shutil.chown(path, uid, gid)


def choose(program: Path, *, namespaces: bool = True) -> Identity:
    """Return the identity as which `program`, a binary of the server, can be run here.

    Args:
        program: ``postgres``; it is run with ``-V`` where there is doubt.
        namespaces: whether a user namespace may be tried.

    Raises:
        StoreError: as this user there is no way; the hint says what to do.
    """
    uid = os.geteuid()
    name = _name(uid)
    if uid != 0 and name:
        return Identity("direct", uid, os.getegid(), name)
    if namespaces and (inside := _in_namespace()) and _works(inside, program):
        return inside
    if uid != 0:
        raise StoreError(
            f"This user, number {uid}, has no name here, and PostgreSQL does not run without one.",
            f"Give it an entry in /etc/passwd (useradd --uid {uid} NAME), or allow user namespaces.",
        )
    account = _account()
    if account and _works(account, program):
        return account
    raise StoreError(
        "PostgreSQL does not run as root, and this system forbids user namespaces.",
        f"Run the program as an ordinary user, or make an account for the database (useradd --system {ACCOUNT}; "
        f"another name goes into {ACCOUNT_VARIABLE}).",
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def _in_namespace() -> Identity | None:
    if sys.platform != "linux":
        return None
    for uid in (*range(1, 1000), *range(1000, 1100)):
        if uid not in (os.geteuid(), OVERFLOW_UID) and (name := _name(uid)):
            return Identity("namespace", uid, uid, name)
    return None


def _account() -> Identity | None:
    wanted = os.environ.get(ACCOUNT_VARIABLE, "")
    try:
        entry = pwd.getpwnam(wanted or ACCOUNT)
    except KeyError:
        if not wanted:
            return None
        raise StoreError(
            f"{ACCOUNT_VARIABLE} names {clean(wanted, 40)}, and there is no such account.",
            "Make it with useradd --system, or name another.",
        ) from None
    if entry.pw_uid in (0, OVERFLOW_UID):
        raise StoreError(
            f"The database cannot run as {entry.pw_name}.", f"Name an account of its own in {ACCOUNT_VARIABLE}."
        )
    return Identity("account", entry.pw_uid, entry.pw_gid, _name(0) or "root")


def _works(identity: Identity, program: Path) -> bool:
    command = identity.command(program, "-V", ending=signal.SIGKILL)
    try:
        return subprocess.run(command, capture_output=True, env=ENVIRONMENT, timeout=_PROBE_S).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
