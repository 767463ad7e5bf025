"""A demo whose daemons are started by the tests: ``python -m tests.faults.stage DIR`` until SIGTERM.

Everything else is the demo's own: its store, its exchange, its people with their keys.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from workstation.sandbox.supervise import Child, Supervisor
from workstation.services.daemon import stop_event

#: Who is killed here.
MORTALS = ("broker", "courier")
#: Who would send mails of its own in between; it is killed in tests/audit.
AWAY = ("notary",)


class Stage(Supervisor):
    """The demo's supervisor, but for the mortals; it goes by the signal, not by the lease."""

    def _daemons(self) -> list[Child]:
        return [child for child in super()._daemons() if child.name not in (*MORTALS, *AWAY)]

    async def _until_alone(self, stop: asyncio.Event) -> None:
        await stop.wait()


if __name__ == "__main__":
    directory = Path(sys.argv[1])
    directory.mkdir(mode=0o700, exist_ok=True)
    stage = Stage(directory, 5, 1)
    stage.say("starting")

    async def main() -> None:
        """Play until SIGTERM."""
        await stage.run(stop_event())

    asyncio.run(main())
