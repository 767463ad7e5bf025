"""``workstation audit``: walk every chain, and keep the heads elsewhere."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from workstation.commands.common import add_place, store_conninfo
from workstation.services.errors import Invalid, StoreError
from workstation.services.text import clean

if TYPE_CHECKING:
    from workstation.services.audit.verify import Heads, Report


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parts = parser.add_subparsers(dest="part", required=True)
    verify = parts.add_parser("verify", help="walk every chain; exit code 1 and the record where something is off")
    verify.add_argument("--checkpoint", type=Path, metavar="F", help="heads that `workstation audit heads` wrote")
    verify.add_argument("--json", action="store_true", help="as JSON")
    add_place(verify)
    add_place(parts.add_parser("heads", help="print the heads of all chains as JSON, to be kept elsewhere"))


def run(args: argparse.Namespace) -> int:
    """Do the part that was named. An auditor sees all chains; anybody else the own one."""
    if args.dir is not None and args.person is None:
        args.person = "aud.r"
    started = time.monotonic()
    report = _walk(args, _heads(args.checkpoint) if args.part == "verify" and args.checkpoint else None)
    if args.part == "heads":
        print(msgspec.json.encode(report.heads).decode())
    elif args.json:
        print(msgspec.json.encode(report).decode())
    else:
        _say(report, time.monotonic() - started)
    return 1 if report.problems else 0


def _walk(args: argparse.Namespace, heads: Heads | None) -> Report:
    import psycopg

    from workstation.services.audit.verify import verify

    def progress(done: int, total: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done:,} of about {total:,} records", end="", file=sys.stderr, flush=True)

    try:
        report = verify(store_conninfo(args), progress, heads)
    except psycopg.Error as error:
        raise StoreError(f"The audit cannot be read: {error}".strip(), "Check the store and your login.") from error
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return report


def _heads(path: Path) -> Heads:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, tuple[int, str]])
    except (OSError, msgspec.DecodeError) as error:
        raise Invalid(f"{path} holds no heads: {error}", "Write them with `workstation audit heads > FILE`.") from error


def _say(report: Report, seconds: float) -> None:
    for problem in report.problems:
        print(f"✗ {clean(problem.chain)} record {problem.seq}: {clean(problem.what)}")
    if report.partial:
        print("! Only your own chain can be seen with this login: an auditor's sees all.")
    verdict = f"{len(report.problems)} problems" if report.problems else "everything follows"
    print(f"{report.events:,} records in {report.chains} chains, {seconds:.1f} s: {verdict}.")
