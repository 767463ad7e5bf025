"""Where secrets live: the keyring of the operating system, and nothing that could stand in for it unseen.

The `keyring` library loads whatever ``PYTHON_KEYRING_BACKEND`` or ``keyringrc.cfg`` names, from a path
that the file may add: whoever writes that file gets every secret (SECURITY.md, "Keyring"). So the
library's own choice is never asked: a backend's class comes from a closed list and is made directly.

Names say what a secret is for: ``store:ana.k@host/db``, ``read-token:contract``.

A Secret Service lets every program of the session read (CVE-2018-19358, "by design"). That is why the
account-control write credential is never here but with the broker (:class:`CredentialsDirectory`).
"""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import stat
import struct
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol, TypeVar

from workstation.services.errors import KeyringUnavailable, Refused
from workstation.services.text import clean

T = TypeVar("T")

SERVICE = "workstation"
#: Seconds for the keyring to answer. A real one takes 15 to 30 ms; one that waits for a prompt which nobody
#: sees was watched blocking for more than 40 s.
DEADLINE_S = 5.0
#: Backends that may be used, the first that is there: all keep secrets encrypted under the person's sign-in.
ALLOWED: dict[str, tuple[tuple[str, str], ...]] = {
    "darwin": (("keyring.backends.macOS", "Keyring"),),
    "win32": (("keyring.backends.Windows", "WinVaultKeyring"),),
    "linux": (
        ("keyring.backends.SecretService", "Keyring"),
        ("keyring.backends.libsecret", "Keyring"),
        ("keyring.backends.kwallet", "DBusKeyring"),
    ),
}
_SESSION = "Or keep it in memory for one session: `workstation run --in-memory`."
#: The largest secret that a file may hold; a PEM key with its chain has about 10 KB.
_FILE_MAX = 64 * 1024
_ACL_USER, _ACL_GROUP_OBJ, _ACL_GROUP, _ACL_OTHER = 0x02, 0x04, 0x08, 0x20


class Backend(Protocol):
    """What is used of a backend of `keyring`."""

    def get_password(self, service: str, username: str) -> str | None: ...  # noqa: D102

    def set_password(self, service: str, username: str, password: str) -> None: ...  # noqa: D102

    def delete_password(self, service: str, username: str) -> None: ...  # noqa: D102


class Secrets(Protocol):
    """Where secrets are taken from; :class:`Vault`, :class:`MemoryVault`, :class:`CredentialsDirectory`."""

    async def get(self, name: str) -> str | None:
        """Return the secret, None when there is none. Raises KeyringUnavailable, Refused."""
        ...

    async def put(self, name: str, secret: str) -> None:
        """Keep the secret under `name`, in the place of an older one. Raises KeyringUnavailable, Refused."""
        ...

    async def delete(self, name: str) -> None:
        """Forget the secret; one that is not there is no error. Raises KeyringUnavailable, Refused."""
        ...


class Vault:
    """The operating system's keyring. Every call runs in a thread of its own and has a deadline.

    Args:
        backend: makes the backend; by default :func:`system_backend`. Called in the thread.
        deadline_s: seconds to wait for an answer.
    """

    def __init__(self, backend: Callable[[], Backend] | None = None, deadline_s: float = DEADLINE_S) -> None:
        self._make = backend or system_backend
        self._backend: Backend | None = None
        self._deadline_s = deadline_s
        self._one = asyncio.Lock()
        self._stuck: threading.Thread | None = None

    async def get(self, name: str) -> str | None:
        """Return the secret, None when there is none.

        Raises:
            KeyringUnavailable: no keyring, it is locked, or it does not answer.
        """
        return await self._ask(lambda backend: backend.get_password(SERVICE, name))

    async def put(self, name: str, secret: str) -> None:
        """Keep the secret. Raises KeyringUnavailable as :meth:`get`."""
        await self._ask(lambda backend: backend.set_password(SERVICE, name, secret))

    async def delete(self, name: str) -> None:
        """Forget the secret; one that is not there is no error. Raises KeyringUnavailable as :meth:`get`."""

        def forget(backend: Backend) -> None:
            # Backends raise the same error for "not there" and for "could not", so it is looked at first.
            if backend.get_password(SERVICE, name) is not None:
                backend.delete_password(SERVICE, name)

        await self._ask(forget)

    async def _ask(self, question: Callable[[Backend], T]) -> T:
        async with self._one:
            if self._stuck is not None and self._stuck.is_alive():
                raise _silent("still")
            answer: Future[T] = Future()
            # A daemon: a thread that hangs in the keyring must not keep the program from ending.
            thread = threading.Thread(target=self._work, args=(question, answer), name="keyring", daemon=True)
            thread.start()
            try:
                return await asyncio.wait_for(asyncio.wrap_future(answer), self._deadline_s)
            except TimeoutError as error:
                self._stuck = thread
                raise _silent(f"for {self._deadline_s:g} s") from error
            except KeyringUnavailable:
                raise
            except Exception as error:
                raise _explained(error) from error

    def _work(self, question: Callable[[Backend], T], answer: Future[T]) -> None:
        if not answer.set_running_or_notify_cancel():
            return
        try:
            if self._backend is None:
                self._backend = self._make()
            answer.set_result(question(self._backend))
        except BaseException as error:  # noqa: BLE001 - carried over to the coroutine that waits for it
            answer.set_exception(error)


class MemoryVault:
    """Secrets for one session, in this process alone: what is offered where no keyring can be had."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    async def get(self, name: str) -> str | None:
        """Return the secret, None when there is none."""
        return self._secrets.get(name)

    async def put(self, name: str, secret: str) -> None:
        """Keep the secret until the process ends."""
        self._secrets[name] = secret

    async def delete(self, name: str) -> None:
        """Forget the secret."""
        self._secrets.pop(name, None)


class CredentialsDirectory:
    """Secrets of a daemon, a file each, as systemd hands them over (systemd.exec(5), LoadCredential=).

    The file of ``read-token:contract`` is ``read-token_contract``: a name of systemd's knows no colon
    and no slash, so everything but letters, digits and ``@ . _ -`` becomes ``_``.

    Args:
        path: ``$CREDENTIALS_DIRECTORY``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def get(self, name: str) -> str | None:
        """Return the file's text without a last line feed, None when there is no such file.

        Raises:
            Refused: the directory or the file is not ours alone, or is no plain file of text.
        """
        return await asyncio.to_thread(self._read, name)

    async def put(self, name: str, secret: str) -> None:
        """Raise Refused: who runs the machine writes there."""
        raise Refused("credentials.read-only", "A daemon does not write its own credentials.", "Let the machine do it.")

    async def delete(self, name: str) -> None:
        """Raise Refused: who runs the machine writes there."""
        raise Refused("credentials.read-only", "A daemon does not write its own credentials.", "Let the machine do it.")

    def _read(self, name: str) -> str | None:
        file = self._path / credential_file(name)
        try:
            directory = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise Refused(
                "credentials.directory",
                f"The directory of credentials cannot be read ({clean(error.strerror)}).",
                "Start the daemon with LoadCredential= or name the directory.",
            ) from error
        try:
            _ours_alone(directory, self._path)
            try:
                # Opened first and judged by what was opened: a name can be made to point elsewhere in between.
                opened = os.open(file.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
            except FileNotFoundError:
                return None
            except OSError as error:
                raise _unusable(file, clean(error.strerror)) from error
            try:
                _ours_alone(opened, file)
                if not stat.S_ISREG(os.fstat(opened).st_mode):
                    raise _unusable(file, "it is no plain file")
                return _text(file, os.read(opened, _FILE_MAX + 1))
            finally:
                os.close(opened)
        finally:
            os.close(directory)


def system_backend() -> Backend:
    """Return the first keyring of this system that is on the list and there.

    Raises:
        KeyringUnavailable: there is none. Nothing is ever used in its place.
    """
    for module, name in ALLOWED.get(sys.platform, ALLOWED["linux"]):
        kind = getattr(importlib.import_module(module), name)
        if kind.viable:
            # The library lets KEYRING_PROPERTY_… of the environment set any attribute, the collection for one.
            plain = type(name, (kind,), {"set_properties_from_env": lambda self: None})
            backend: Backend = plain()
            return backend
    raise KeyringUnavailable(
        "This session has no keyring.", f"Start one (GNOME Keyring, KWallet) and sign in again. {_SESSION}"
    )


def credential_file(name: str) -> str:
    """Return the file name under which a daemon finds the secret `name`."""
    return re.sub(r"[^A-Za-z0-9@._-]", "_", name).lstrip(".") or "_"


def _ours_alone(descriptor: int, path: Path) -> None:
    """Refuse what others may read. Root may own it: systemd and root read everything anyway."""
    info = os.fstat(descriptor)
    if info.st_uid not in (0, os.geteuid()):
        raise Refused("credentials.owner", f"{clean(path)} belongs to somebody else.", "Give it to the daemon's user.")
    # Where an access list is set, the group's bits are its mask (acl(5)): systemd lets the unit's user in so.
    group = info.st_mode & 0o070 and not _list_opens_to_us_alone(descriptor)
    if info.st_mode & 0o007 or group:
        raise Refused(
            "credentials.readable",
            f"{clean(path)} can be read by others (mode {stat.S_IMODE(info.st_mode):04o}).",
            "Take that right away (chmod go= …), then replace the secret: it may be known.",
        )


def _list_opens_to_us_alone(descriptor: int) -> bool:
    """Return whether there is an access list, and whom it lets in are root and us alone (layout: acl(5), xattr)."""
    try:
        packed = os.getxattr(descriptor, "system.posix_acl_access")
    except (OSError, AttributeError):
        return False
    for tag, rights, who in struct.iter_unpack("<HHI", packed[4:]):
        if tag in (_ACL_GROUP_OBJ, _ACL_GROUP, _ACL_OTHER) and rights:
            return False
        if tag == _ACL_USER and who not in (0, os.geteuid()):
            return False
    return True


def _text(file: Path, content: bytes) -> str:
    if len(content) > _FILE_MAX:
        raise _unusable(file, "it is too large")
    try:
        return content.decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise _unusable(file, "it is no text") from error


def _unusable(file: Path, why: str) -> Refused:
    return Refused("credentials.file", f"The credential {clean(file.name)} cannot be used: {why}.", "Replace the file.")


def _silent(how_long: str) -> KeyringUnavailable:
    return KeyringUnavailable(
        f"The keyring does not answer {how_long}.",
        f"It may wait for its password in a window that you do not see: unlock it there. {_SESSION}",
    )


def _explained(error: Exception) -> KeyringUnavailable:
    """Say what to do about a backend's error; its own text may hold what was asked for and is not repeated."""
    kind = type(error).__name__
    if kind in ("KeyringLocked", "LockedException", "PromptDismissedException"):
        return KeyringUnavailable("The keyring is locked.", f"Unlock it and try again. {_SESSION}")
    return KeyringUnavailable(
        f"The keyring cannot be used now ({clean(kind)}).", f"Check that it runs in this session. {_SESSION}"
    )
