"""Runs the app on a paper desk in a terminal: ``python -m tests.ui.run_paper [person] [mode]``."""

from __future__ import annotations

import sys

from tests.ui.paper_desk import Paper, PaperDesk
from workstation.app import WorkstationApp


def main(login: str = "ana.k") -> None:
    paper = Paper()
    paper.forward(paper.order[0])
    paper.ask(paper.order[0])
    desks = {name: PaperDesk(paper, name) for name in ("ana.k", "joao.m", "mia.s")}

    async def connect() -> PaperDesk:
        return desks[login]

    async def switch(name: str) -> PaperDesk:
        return desks[name]

    WorkstationApp(connect, clock=paper.clock, demo=True, people=tuple(desks), switch=switch).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
