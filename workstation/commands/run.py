"""``workstation run``: the workstation, signed in as the person that the keyring holds."""

from __future__ import annotations

import argparse

from workstation.commands.common import Where, add_place
from workstation.services.clock import SystemClock


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Show the workstation until it is closed."""
    from workstation.app import WorkstationApp
    from workstation.services.desk import Desk

    async def connect() -> Desk:
        return await Where(args).desk()

    app = WorkstationApp(connect, clock=SystemClock(), demo=args.dir is not None)
    app.run()
    return app.return_code or 0
