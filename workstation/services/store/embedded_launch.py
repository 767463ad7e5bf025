"""Start one program as somebody whom PostgreSQL accepts, and let it end with whoever asked for it.

A script of its own, run as ``python -I -S embedded_launch.py PARENT SIGNAL MODE UID GID COMMAND…``, because
none of this can be done safely inside an application that has threads: ``unshare(2)`` refuses a
multi-threaded caller, Python's ``preexec_fn`` may deadlock in one, and the kernel forgets
``PR_SET_PDEATHSIG`` at each change of credentials (prctl(2)), so it has to be the last thing before exec.

Modes: ``direct`` (as we are), ``namespace`` (a user namespace in which we appear as UID:GID),
``account`` (root becomes UID:GID), each optionally followed by ``+watch`` (stay and watch, which is the way
of systems without ``PR_SET_PDEATHSIG``). The numbers are those of the Linux headers.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522

#: Exit statuses of the launcher itself; PostgreSQL's tools use 0 to 3.
PARENT_GONE = 96
NOT_PERMITTED = 97

#: How often a watcher looks, in seconds; it bounds how long a server outlives a killed supervisor.
WATCH_S = 0.2


def enter_namespace(uid: int, gid: int) -> None:
    """Appear as `uid`:`gid` while the files stay ours (user_namespaces(7)).

    Raises:
        OSError: the system forbids user namespaces.
    """
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _call("unshare", CLONE_NEWUSER)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {outer_uid} 1"),
        ("gid_map", f"{gid} {outer_gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - pathlib costs a third of the start
            file.write(text)


def become(uid: int, gid: int) -> None:
    """Turn root into `uid`:`gid`, keeping one capability: to pass through root's private directories.

    The binaries and the data usually lie under a home of mode 0700. Where the capability is not to be
    had the account must be able to reach both by itself.

    Raises:
        OSError: we are not root, or may not change the account.
    """
    if sys.platform == "linux":
        _call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if sys.platform == "linux":
        bit = 1 << CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)  # effective, permitted, inheritable; low and high half
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.capset(header, sets) == 0:
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def tie(parent: int, number: int) -> None:
    """Have the kernel send us signal `number` when the thread of `parent` that started us ends."""
    _call("prctl", PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel was told
        os._exit(PARENT_GONE)


def watch(parent: int, number: int, command: list[str]) -> int:
    """Run `command`, pass signals on, send it `number` when `parent` is gone; return its exit status."""
    passed_on = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP)
    signal.pthread_sigmask(signal.SIG_BLOCK, passed_on)
    # A shell lets what it starts in the background ignore SIGINT, and that would be handed down.
    child = os.posix_spawn(command[0], command, os.environ, setsigmask=(), setsigdef=passed_on)
    for each in passed_on:
        signal.signal(each, lambda received, _frame: os.kill(child, received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, passed_on)
    told = False
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if not told and os.getppid() != parent:
            os.kill(child, number)
            told = True
        time.sleep(WATCH_S)


def _call(name: str, *args: int) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*args) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def main(argv: list[str]) -> int:
    """Do what the module says; return an exit status when the program could not be started."""
    parent, number, mode, uid, gid = int(argv[0]), int(argv[1]), argv[2], int(argv[3]), int(argv[4])
    command = argv[5:]
    os.umask(0o077)
    mode, _, watching = mode.partition("+")
    try:
        if mode == "namespace":
            enter_namespace(uid, gid)
        elif mode == "account":
            become(uid, gid)
        if watching or sys.platform != "linux":
            return watch(parent, number, command)
        tie(parent, number)
        os.execv(command[0], command)  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error}\n")
        return NOT_PERMITTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
