"""Runs the app on a paper desk in a terminal: ``python -m tests.ui.run_paper [PERSON] [poisoned] [FILE]``.

Into FILE go the deeds of the desk, one a line, once the app has ended. SIGUSR1 suspends the machine for an hour, as far
as the clock can tell.
"""

from __future__ import annotations

import signal
import sys
from datetime import timedelta
from pathlib import Path

from tests.ui.driving import two_packets
from tests.ui.lid import Lid
from tests.ui.paper_desk import Paper, PaperDesk
from tests.ui.poison import poisoned
from workstation.app import WorkstationApp


def main(login: str = "ana.k", world: str = "plain", deeds: str = "") -> None:
    paper = poisoned() if world == "poisoned" else Paper()
    if world != "poisoned":
        two_packets(paper)
    clock = paper.clock = Lid(paper.clock.now())
    signal.signal(signal.SIGUSR1, lambda *_: clock.suspend(timedelta(hours=1)))
    desks = {name: PaperDesk(paper, name) for name in ("ana.k", "joao.m", "mia.s")}

    async def connect() -> PaperDesk:
        desks[login].closed = False
        return desks[login]

    async def switch(name: str) -> PaperDesk:
        return desks[name]

    WorkstationApp(connect, clock=clock, demo=True, people=tuple(desks), switch=switch).run()
    if deeds:
        Path(deeds).write_text("\n".join(name for name, _ in paper.calls), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
