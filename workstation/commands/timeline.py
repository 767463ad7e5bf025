"""``workstation timeline``: an account's timeline as JSON or CSV. Opening it is a read, and on record."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import msgspec

from workstation.commands.common import add_place, with_desk
from workstation.services.clock import SystemClock
from workstation.services.errors import Invalid
from workstation.services.text import clean
from workstation.services.views import TimelineView
from workstation.services.workbench import Workbench

REASON = "opened from the command line"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("account", metavar="ACCOUNT")
    parser.add_argument("--query", metavar="Q", default="", help="such as 'event.action:sign_in -source.ip:10.0.0.1'")
    parser.add_argument(
        "--reason", default=REASON, help="why the account is opened; a lead sees it (20 characters or more)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object, which is what comes without a flag")
    form.add_argument("--csv", action="store_true", help="events only, for a spreadsheet; gaps go to standard error")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Print events newest first, gaps and the state of every source."""
    from workstation.services.timeline.export import write_csv
    from workstation.services.timeline.filter import parse

    chosen = parse(args.query)
    view, by = with_desk(args, lambda desk: _read(desk, args))
    if args.csv:
        write_csv((e for e in view.events if chosen.matches(e)), sys.stdout, by, SystemClock().now())
        for gap in view.gaps:
            print(f"gap: {clean(gap.source)}: {clean(gap.why)}", file=sys.stderr)
        return 0
    found: dict[str, Any] = {
        "account": args.account,
        "events": [event.to_ecs() for event in view.events if chosen.matches(event)],
        "gaps": msgspec.to_builtins(view.gaps),
        "sources": msgspec.to_builtins(view.sources),
    }
    sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    return 0


async def _read(desk: Workbench, args: argparse.Namespace) -> tuple[TimelineView, str]:
    await desk.open_account(args.account, args.reason)
    last: TimelineView | None = None
    async for view in desk.timeline(args.account):
        last = view
    if last is None:
        raise Invalid("No source is configured.", "Add [[logs]] to the settings.")
    return last, desk.person.login
