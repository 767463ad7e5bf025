"""``workstation import``: a file of raw events into an account's timeline, as evidence."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from workstation.commands.common import add_place, with_desk
from workstation.services.errors import Invalid

if TYPE_CHECKING:
    from workstation.services.timeline.event import Event
    from workstation.services.workbench import Workbench

#: How many records travel in one statement; a CloudTrail record has about 1.5 KB.
BATCH = 500


class Imported(msgspec.Struct, kw_only=True):
    """What came of an import. ``broken`` are records that could not be mapped; they are named on stderr."""

    account: str
    case: str
    new: int = 0
    known: int = 0
    broken: int = 0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "file", metavar="FILE", type=Path, help="raw records, one JSON object a line or an array; may be gzip"
    )
    parser.add_argument("--source", required=True, metavar="S", help="which system wrote them, as in `workstation map`")
    parser.add_argument("--account", required=True, metavar="ID", help="whose timeline they join")
    parser.add_argument("--case", metavar="CS-n", help="the case that they are evidence in (default: a new one)")
    parser.add_argument("--json", action="store_true", help="say what was done as JSON")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Import the file; records that are there already are counted and not doubled."""
    from workstation.services.timeline.mapping import SOURCES

    if args.source not in SOURCES:
        raise Invalid(
            f"“{ascii(args.source)[1:-1]}” is not a source.", "There are: " + ", ".join(sorted(SOURCES)) + "."
        )
    if not args.file.is_file():
        raise Invalid(f"There is no file {args.file}.", "Check the path.")
    done = with_desk(args, lambda desk: _import(desk, args))
    if args.json:
        print(msgspec.json.encode(done).decode())
    else:
        print(
            f"{done.new} events joined the timeline of {done.account} in {done.case}; {done.known} were there already."
        )
        if done.broken:
            print(f"{done.broken} records could not be mapped; they are listed above.", file=sys.stderr)
    return 0


async def _import(desk: Workbench, args: argparse.Namespace) -> Imported:
    from workstation.services.timeline.mapping import Unmapped, map_lines, read_pieces

    case = await _case(desk, args)
    done = Imported(account=args.account, case=case["ref"])
    digest = hashlib.sha256()
    batch: list[Event] = []
    with args.file.open("rb") as stream:
        for event in (event for raws in read_pieces(stream) for event in map_lines(args.source, raws)):
            digest.update(event.raw)
            if isinstance(event, Unmapped):
                done.broken += 1
                said = {"error": event.error, "raw": event.raw.decode("utf-8", "backslashreplace")[:500]}
                print(json.dumps(said), file=sys.stderr)
                continue
            batch.append(event)
            if len(batch) >= BATCH:
                await _flush(desk, case["id"], args.source, batch, done)
    await _flush(desk, case["id"], args.source, batch, done)
    await desk.tools.session.call(
        "import_done", case["id"], args.file.name, digest.digest(), done.new, done.known, done.broken
    )
    return done


async def _flush(desk: Workbench, case: int, source: str, batch: list[Event], done: Imported) -> None:
    if not batch:
        return
    new = await desk.tools.session.call(
        "import_events", case, source, [e.id for e in batch], [e.time_us for e in batch], [e.raw for e in batch]
    )
    done.new += new
    done.known += len(batch) - new
    batch.clear()
    await desk.heartbeat(case)
    if sys.stderr.isatty():
        print(f"\r{done.new + done.known:,} records", end="", file=sys.stderr, flush=True)


async def _case(desk: Workbench, args: argparse.Namespace) -> dict[str, Any]:
    session = desk.tools.session
    if args.case is None:
        subject = f"Imported {args.source} events"
        opened: dict[str, Any] = await session.call("add_case", args.account, "suspicious_activity", subject)
        return opened
    number = args.case.removeprefix("CS-")
    if not (number.isascii() and number.isdigit()):
        raise Invalid("A case is named like CS-48213.", "Check the number.")
    claimed: dict[str, Any] = await session.call("claim_case", int(number), "")
    if claimed["account"] != args.account:
        raise Invalid(f"{args.case} is about another account.", "Name the account of the case, or leave --case out.")
    return claimed
