"""``workstation demo``: everything on one machine, or a further terminal into what runs already."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import threading
from pathlib import Path

from workstation.commands.common import DEMO_LOGIN, Where
from workstation.services.clock import SystemClock
from workstation.settings import state_dir


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    default = state_dir().with_name("workstation-demo")
    parser.add_argument("--dir", type=Path, default=default, metavar="D", help="where the demo lives (%(default)s)")
    parser.add_argument("--as", dest="person", default=DEMO_LOGIN, metavar="PERSON", help="who sits here (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up exchange, when it is made (%(default)s)")
    parser.add_argument("--scale", type=int, default=1, help="its size: 1 is about 40 accounts (%(default)s)")
    parser.add_argument("--headless", action="store_true", help="start all but the terminal; print one JSON line")
    parser.set_defaults(settings=None)


def run(args: argparse.Namespace) -> int:
    """Start the demo or join it."""
    from workstation.sandbox.place import Place

    place = Place(args.dir)
    return _headless(place, args) if args.headless else _terminal(place, args)


def _headless(place: object, args: argparse.Namespace) -> int:
    from workstation.sandbox.place import Place

    assert isinstance(place, Place)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        place.open(args.seed, args.scale, lambda word: print(word, file=sys.stderr, flush=True))
        print(json.dumps(place.info()), flush=True)
        while not stop.wait(0.5):
            pass
    finally:
        place.close()
        place.wait_stopped()
    return 0


def _terminal(place: object, args: argparse.Namespace) -> int:
    from workstation.app import WorkstationApp
    from workstation.sandbox.place import Place
    from workstation.services.desk import Desk
    from workstation.widgets.lean import lean_garbage

    assert isinstance(place, Place)

    async def sit(login: str) -> Desk:
        from workstation.sandbox.people import person

        await asyncio.to_thread(place.open, args.seed, args.scale, app.progress)
        desk = await Where(args, place).desk(person(login).login)
        desk.prepare()
        return desk

    from workstation.sandbox.roster import LOGINS

    app = WorkstationApp(
        lambda: sit(args.person),
        clock=SystemClock(),
        demo=True,
        people=LOGINS,
        switch=sit,
        banner="demo: made-up people and clients; cool-downs last one minute",
    )
    lean_garbage()
    try:
        app.run()
    finally:
        place.close()
    return app.return_code or 0
