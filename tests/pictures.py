"""``make pictures``: the pictures of the documents, taken of the real screens of a real demo.

Starts ``workstation demo --headless`` in a new directory, works it by keyboard, and writes ``docs/pictures/*.svg``.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot
from textual.screen import Screen

from tests.story import driver
from tests.story.finding import find_case, locked
from workstation.app import WorkstationApp
from workstation.commands.common import Where
from workstation.sandbox.place import Place
from workstation.services.clock import SystemClock
from workstation.services.workbench import Workbench

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
SIZE = (120, 36)
#: 2,900 real CloudTrail records of an attack (invictus-ir/aws_dataset, MIT); they are not part of this project.
RECORDS = Path(__file__).parents[2] / "shared" / "data" / "invictus-cloudtrail.jsonl.gz"
#: Whose most of them are.
WORKED = "AIDATFQR7NSC5AU2ZV3IE"


async def sit(place: Place, login: str) -> Workbench:
    """Sign one of the demo's people in."""
    return await Where(argparse.Namespace(dir=place.directory, person=login, settings=None)).desk()


class Sitting:
    """One terminal, its keys and its camera."""

    def __init__(self, app: WorkstationApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    async def press(self, *keys: str) -> None:
        """Press keys and let the screen come to rest."""
        for key in keys:
            await self.pilot.press(key)
        await self.pilot.pause()

    async def until(self, true: Callable[[str], bool], what: str) -> None:
        """Wait until the text of the screen satisfies `true`, a minute at most."""
        for _ in range(1200):
            if true(seen(self.app.screen)):
                return
            await self.pilot.pause(0.05)
        raise AssertionError(f"{what} never came:\n{seen(self.app.screen)}")

    def picture(self, name: str) -> None:
        """Write the screen as ``docs/pictures/<name>.svg``."""
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / f"{name}.svg").write_text(self.app.export_screenshot(title="workstation"), encoding="utf-8")
        print(PICTURES / f"{name}.svg")


def seen(screen: Screen[object]) -> str:
    """Return what the screen shows, as lines of text."""
    strips = screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


@asynccontextmanager
async def sitting(place: Place, login: str) -> AsyncIterator[Sitting]:
    """Run the real app on the real desk of `login`."""
    app = WorkstationApp(
        lambda: sit(place, login),
        clock=SystemClock(),
        demo=True,
        banner="demo: made-up people and clients; cool-downs last one minute",
    )
    async with app.run_test(size=SIZE) as pilot:
        yield Sitting(app, pilot)


async def analyst(place: Place) -> None:
    """The queue, and a case that is being worked on."""
    async with sitting(place, "ana.k") as s:
        await s.until(lambda text: "CS-" in text, "the queue")
        await s.press("down")
        await s.until(lambda text: "held by" in text, "the preview")
        s.picture("queue")
        await s.press("n")
        await s.until(lambda text: " marked" in text, "the marks")
        await s.press("down", "down", "p")
        await s.until(lambda text: "sha256" in text, "the pin")
        await s.press("l", "down", "enter")
        await s.until(lambda text: "INTRUDER" in text, "the label")
        s.picture("account")
        await s.press("L")
        await s.until(lambda text: "not labelled" in text, "the lanes")
        s.picture("lanes")


async def forwarded(place: Place) -> None:
    """Forward a case with an unlock, as the analyst does."""
    ana = await sit(place, "ana.k")
    try:
        row = await find_case(place, ana, locked)
        await ana.claim(row.id)
        await driver.investigate(ana, row.id, "unlock", {}, "rightful_owner")
        await driver.forward(ana, row.id)
    finally:
        await ana.aclose()


async def senior(place: Place) -> None:
    """The packet, and an act that is being armed."""
    await forwarded(place)
    async with sitting(place, "sam.o") as s:
        await s.until(lambda text: "CS-" in text, "the queue")
        await s.press("3")
        await s.until(lambda text: "forwarded" in text, "the escalations")
        await s.press("enter")
        await s.until(lambda text: "Nothing moved" in text, "the packet")
        s.picture("packet")
        await s.press("A")
        await s.until(lambda text: "Arm:" in text, "the dialog")
        s.picture("arm")


def imported(place: Place, records: Path) -> str:
    """Import the worked example's records; return the case that they opened."""
    unpacked = place.directory / "cloudtrail.jsonl"
    unpacked.write_bytes(gzip.decompress(records.read_bytes()))
    argv = ["import", str(unpacked), "--source", "cloudtrail", "--account", WORKED, "--dir", str(place.directory)]
    said = subprocess.run([sys.executable, "-m", "workstation.cli", *argv], check=True, capture_output=True, text=True)
    case = re.search(r"CS-\d+", said.stdout)
    assert case is not None, said.stdout
    return case[0]


async def worked(place: Place, case: str) -> None:
    """The worked example of ``docs/worked-example.md``: an attack in CloudTrail that others recorded."""
    async with sitting(place, "ana.k") as s:
        await s.until(lambda text: "CS-" in text, "the queue")
        await s.press("slash", *case, "enter")
        await s.until(lambda text: text.count(case) >= 2, "the case in the queue")
        await s.press("enter")
        await s.until(lambda text: "2,900 events" in text and "◆" in text, "the marks")
        s.picture("worked-all")
        await s.press("slash", *"mark:(aws_door_of_ones_own or aws_trail_stopped or aws_log_narrowed)", "enter")
        await s.until(lambda text: "of 2,900 events" in text, "the marked events")
        await s.press("m")
        await s.until(lambda text: "◆" in text and "harmless if" in text, "a mark")
        s.picture("worked-marks")
        await s.press("escape", "g")
        await s.until(lambda text: "values of event.action" in text, "the counted values")
        await s.press(*["down"] * 9, "right", "o")
        await s.until(lambda text: "of source.ip" in text and "the rarest first" in text, "the rare addresses")
        s.picture("worked-values")


def main() -> int:
    """Take all pictures."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as directory:
        argv = [sys.executable, "-m", "workstation.cli", "demo", "--headless", "--dir", directory, "--seed", "7"]
        demo = subprocess.Popen(argv, stdout=subprocess.PIPE)
        try:
            assert demo.stdout is not None
            if not demo.stdout.readline():
                return 1
            place = Place(Path(directory))
            asyncio.run(analyst(place))
            asyncio.run(senior(place))
            if RECORDS.exists():
                asyncio.run(worked(place, imported(place, RECORDS)))
            else:
                print(f"no pictures of the worked example: {RECORDS} is not here")
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(60)
    return 0


if __name__ == "__main__":
    sys.exit(main())
