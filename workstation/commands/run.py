"""``workstation run``: the workstation, signed in as the person that the keyring holds."""

from __future__ import annotations

import argparse
import getpass
from typing import TYPE_CHECKING

from workstation.commands.common import Where, add_place
from workstation.services.clock import SystemClock

if TYPE_CHECKING:
    from workstation.services.connect import Secrets
    from workstation.services.desk import Desk


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_place(parser)
    parser.add_argument(
        "--in-memory",
        action="store_true",
        help="where there is no keyring: ask for the credentials and keep them for this session only",
    )


def run(args: argparse.Namespace) -> int:
    """Show the workstation until it is closed."""
    from workstation.app import WorkstationApp
    from workstation.widgets.lean import lean_garbage

    secrets = _asked(args) if args.in_memory else None

    async def connect() -> Desk:
        desk = await Where(args, secrets=secrets).desk()
        desk.prepare()
        return desk

    app = WorkstationApp(connect, clock=SystemClock(), demo=args.dir is not None)
    lean_garbage()
    app.run()
    return app.return_code or 0


def _asked(args: argparse.Namespace) -> Secrets:
    """Ask for a login and its credentials without echo; nothing of it is ever written down."""
    import asyncio
    import secrets

    from workstation.services.connect import read_names
    from workstation.services.vault import MemoryVault

    vault = MemoryVault()
    login = args.person or input("Login: ").strip()
    given = {"person": login, f"store:{login}": getpass.getpass(f"Store password of {login}: ")}
    names = read_names(Where(args).settings)
    given |= {name: getpass.getpass(f"Read token {name} (empty to leave out): ") for name in names}
    # Drafts of this session cannot be read by a later one: their key goes with it.
    given["drafts:key"] = secrets.token_hex(32)

    async def keep() -> None:
        for name, value in given.items():
            if value:
                await vault.put(name, value)

    asyncio.run(keep())
    return vault
