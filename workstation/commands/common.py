"""Where a command works: a team's installation, or a running demo's directory."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from workstation.services.errors import Invalid, NotSignedIn
from workstation.settings import Settings, default_path, read, state_dir

if TYPE_CHECKING:
    from workstation.sandbox.place import Place
    from workstation.services.acts.stepup import StepUp
    from workstation.services.connect import Secrets
    from workstation.services.store.session import Session
    from workstation.services.views import Person
    from workstation.services.workbench import Workbench

T = TypeVar("T")

#: Who opens the demo when nobody is named.
DEMO_LOGIN = "ana.k"


def add_place(parser: argparse.ArgumentParser) -> None:
    """Add the flags that every command takes."""
    parser.add_argument("--dir", type=Path, metavar="D", help="the directory of a running demo")
    parser.add_argument("--as", dest="person", metavar="PERSON", help="who works there (default: its Level 1 analyst)")
    parser.add_argument("--settings", type=Path, help=argparse.SUPPRESS)


class Where:
    """The place that the flags name.

    Args:
        args: with `dir`, `person` and `settings`.
        place: a demo that the caller already holds open.
        secrets: credentials in place of the keyring's.
    """

    def __init__(self, args: argparse.Namespace, place: Place | None = None, secrets: Secrets | None = None) -> None:
        self._place = place
        self._secrets = secrets
        if place is None and args.dir is not None:
            from workstation.sandbox.place import Place as DemoPlace

            self._place = DemoPlace(args.dir)
            self._place.info()  # refuses where no demo runs
        self._settings_path: Path | None = args.settings
        self._login: str | None = args.person

    @property
    def settings(self) -> Settings:
        """The settings of this place. Raises Invalid."""
        return self._place.settings() if self._place else read(self._settings_path or default_path())

    async def login(self) -> str:
        """Return who signs in: the flag, the demo's analyst, or whom the keyring holds."""
        if self._login:
            return self._login
        if self._place:
            return DEMO_LOGIN
        found = await self.secrets("").get("person")
        if found is None:
            raise NotSignedIn(
                "Nobody is signed in on this machine.", "Run `workstation login`, or try `workstation demo`."
            )
        return found

    def secrets(self, login: str) -> Secrets:
        """Return where the credentials of `login` are."""
        if self._secrets is not None:
            return self._secrets
        if self._place:
            return self._place.secrets(login or DEMO_LOGIN)
        from workstation.services.vault import Vault

        return Vault()

    async def session(self) -> tuple[Session, Person]:
        """Sign in to the store only."""
        from workstation.services.connect import open_session

        login = await self.login()
        return await open_session(self.settings, self.secrets(login), login)

    async def stepping_up(self) -> tuple[Session, Person, StepUp, Callable[[], bool] | None]:
        """Sign in to the store only, with the means to step up; the last one touches a demo's key."""
        from workstation.services.acts.stepup import StepUp, plugged_in
        from workstation.services.clock import SystemClock
        from workstation.services.connect import sign_in_of

        session, person = await self.session()
        devices = self._place.devices(person.login) if self._place else plugged_in
        finger = self._place.touch(person.login) if self._place else None
        sign_in = sign_in_of(self.settings, SystemClock())
        return session, person, StepUp(session, self.settings.step_up.rp_id, devices, sign_in), finger

    async def desk(self, login: str | None = None) -> Workbench:
        """Sign in and return the desk."""
        from workstation.services.clock import SystemClock
        from workstation.services.connect import open_desk

        who = login or await self.login()
        extra: dict[str, Any] = {}
        if self._place:
            extra = {"devices": self._place.devices(who), "touch": self._place.touch(who)}
        drafts = (self._place.directory if self._place else state_dir()) / "drafts"
        return await open_desk(self.settings, self.secrets(who), who, SystemClock(), drafts_dir=drafts, **extra)


def store_conninfo(args: argparse.Namespace) -> str:
    """Return the libpq connection string of the person that the flags name. Raises NotSignedIn, Invalid."""
    from workstation.services import connect

    where = Where(args)

    async def look() -> str:
        login = await where.login()
        password = await connect.secret(where.secrets(login), f"store:{login}", f"The store password of {login}")
        return connect.store_conninfo(where.settings.store.url, login, password)

    return asyncio.run(look())


def with_desk(args: argparse.Namespace, work: Callable[[Workbench], Coroutine[Any, Any, T]]) -> T:
    """Sign in, do `work` with the desk, and let go of it."""

    async def go() -> T:
        desk = await Where(args).desk()
        try:
            return await work(desk)
        finally:
            await desk.aclose()

    return asyncio.run(go())


def daemon_secrets() -> Secrets:
    """Return a daemon's credentials: what its service manager provides, else the keyring.

    Raises:
        Invalid: the credentials directory can be read by others.
    """
    from workstation.services.vault import CredentialsDirectory, Vault

    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return CredentialsDirectory(Path(directory)) if directory else Vault()


def daemon_settings(args: argparse.Namespace) -> Settings:
    """Return the settings of a daemon. Raises Invalid."""
    if args.dir is not None:
        raise Invalid("A demo runs its own daemons.", "Leave --dir out, or use `workstation demo`.")
    return read(args.settings or default_path())
