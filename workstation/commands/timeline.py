"""``workstation timeline``: an account's timeline as JSON or CSV. Opening it is a read, and on record."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from workstation.commands.common import add_place, with_desk
from workstation.services.clock import SystemClock, to_micros
from workstation.services.text import clean

if TYPE_CHECKING:
    from workstation.services.timeline.loading.timeline import Timeline
    from workstation.services.timeline.query.ast import Query
    from workstation.services.workbench import Workbench

REASON = "opened from the command line"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("account", metavar="ACCOUNT")
    parser.add_argument(
        "--query",
        metavar="Q",
        default="",
        help="such as 'event.action:sign_in -source.ip:10.0.0.1'; the stores are asked for it",
    )
    parser.add_argument(
        "--reason", default=REASON, help="why the account is opened; a lead sees it (20 characters or more)"
    )
    parser.add_argument("--marks", action="store_true", help="what the rules found instead of the events")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object, which is what comes without a flag")
    form.add_argument("--csv", action="store_true", help="events only, for a spreadsheet; gaps go to standard error")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Print events newest first, gaps and the state of every source."""
    return with_desk(args, lambda desk: _print(desk, args))


async def _print(desk: Workbench, args: argparse.Namespace) -> int:
    from workstation.services.timeline.query.ast import Query
    from workstation.services.timeline.query.edit import of_events
    from workstation.services.timeline.query.language import parse

    chosen = parse(args.query)  # refuses before anything is looked at
    await desk.open_account(args.account, args.reason)
    timeline = await desk.timeline(args.account, query=Query() if args.marks else of_events(chosen))
    try:
        await (timeline.judged() if args.marks else timeline.loaded())
        await asyncio.to_thread(_write, timeline, chosen, args, desk.person.login)
    finally:
        await timeline.aclose()
    return 0


def _write(timeline: Timeline, chosen: Query, args: argparse.Namespace, by: str) -> None:
    from workstation.services.timeline.export import write_csv
    from workstation.services.timeline.query.evaluate import mask

    if args.marks:
        _write_marks(timeline)
        return
    seen, now = timeline.working.snapshot(), SystemClock().now()
    passes = mask(chosen, seen, to_micros(now))
    events = (seen.event(int(row)) for row in seen.order() if passes[row])
    if args.csv:
        write_csv(events, sys.stdout, by, now)
        for gap in timeline.gaps:
            print(f"gap: {clean(gap.source)}: {clean(gap.why)}", file=sys.stderr)
        return
    found: dict[str, Any] = {
        "account": args.account,
        "events": [event.to_ecs() for event in events],
        "gaps": msgspec.to_builtins(timeline.gaps),
        "sources": msgspec.to_builtins(timeline.lines),
    }
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")


def _write_marks(timeline: Timeline) -> None:
    """Write marks, the worst first; rules that could not be asked go to standard error."""
    for failed in timeline.failed_rules:
        print(clean(failed), file=sys.stderr)
    marks = [
        {
            "rule": mark.rule,
            "severity": mark.severity,
            "why": mark.why,
            "innocent": mark.innocent,
            "events": list(mark.events),
        }
        for mark in timeline.marks
    ]
    sys.stdout.write(msgspec.json.encode({"marks": marks}).decode() + "\n")
