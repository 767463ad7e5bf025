"""``workstation audit``: walk every chain beside what the notary signed, and take the audit out of the house."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from workstation.commands.common import Where, add_place, store_conninfo
from workstation.services.errors import Invalid, StoreError
from workstation.services.text import clean

if TYPE_CHECKING:
    from workstation.services.audit.offline import Checkpoint, Heads, Key, Problem
    from workstation.services.audit.verify import Report
    from workstation.services.views import Look

T = TypeVar("T")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parts = parser.add_subparsers(dest="part", required=True)
    verify = parts.add_parser("verify", help="walk every chain; exit code 1 and the record where something is off")
    verify.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        default=[],
        metavar="F",
        help="what the notary signed, a file or a directory; or heads that `workstation audit heads` wrote",
    )
    verify.add_argument("--key", type=Path, metavar="K", help="file of verifier keys (default: those of the settings)")
    verify.add_argument("--witnesses", type=int, metavar="N", help="how many witnesses must have signed")
    verify.add_argument("--offline", type=Path, metavar="FILE", help="walk an export in place of the store")
    verify.add_argument("--json", action="store_true", help="as JSON")
    add_place(verify)
    add_place(parts.add_parser("heads", help="print the heads of all chains as JSON, to be kept elsewhere"))
    export = parts.add_parser("export", help="write all records as NDJSON, for an auditor elsewhere; this is on record")
    export.add_argument("--output", type=Path, metavar="F", help="a file that is not there yet (default: stdout)")
    add_place(export)
    who = parts.add_parser("who", help="who looked at a client's account, when and why (leads, auditors); on record")
    who.add_argument("account", metavar="ACCOUNT")
    who.add_argument("--json", action="store_true", help="as JSON")
    add_place(who)


def run(args: argparse.Namespace) -> int:
    """Do the part that was named. An auditor sees all chains; anybody else the own one."""
    if args.dir is not None and args.person is None:
        args.person = "aud.r"
    if args.part == "export":
        return _export(args)
    if args.part == "who":
        return _who(args)
    if args.part == "heads":
        report = _walk(args, None, ())
        print(msgspec.json.encode(report.heads).decode())
        return 1 if report.problems else 0
    return _verify(args)


def _who(args: argparse.Namespace) -> int:
    looks = asyncio.run(_looks(args))
    if args.json:
        print(msgspec.json.encode(looks).decode())
        return 0
    for look in looks:
        why = clean(look.reason) if look.kind == "reason" else f"{look.kind} {look.case_ref}"
        print(f"{look.first_at:%Y-%m-%d %H:%MZ}  {clean(look.name)} ({clean(look.login)})  {why}")
        print(f"    looked at: {clean(', '.join(look.looked)) or 'nothing, the right was not used'}")
        for shown in look.reveals:
            print(f"    {shown.at:%H:%MZ} revealed {clean(shown.field)}: {clean(shown.reason)}")
    if not looks:
        print("Nobody looked at this account that you may see.")
    return 0


async def _looks(args: argparse.Namespace) -> tuple[Look, ...]:
    from workstation.services.views import Look

    session, _ = await Where(args).session()
    try:
        return await session.typed(tuple[Look, ...], "views_of", args.account)
    finally:
        await session.aclose()


def _verify(args: argparse.Namespace) -> int:
    started = time.monotonic()
    heads, checkpoints, off = _kept(args)
    report = _offline(args.offline, checkpoints) if args.offline else _walk(args, heads, checkpoints)
    report = msgspec.structs.replace(report, problems=(*off, *report.problems))
    if args.json:
        print(msgspec.json.encode(report).decode())
    else:
        _say(report, checkpoints, time.monotonic() - started)
        if heads is not None:
            print("! These heads carry no signature: they prove no more than the place where they were kept.")
    return 1 if report.problems else 0


def _walk(args: argparse.Namespace, heads: Heads | None, checkpoints: Sequence[Checkpoint]) -> Report:
    from workstation.services.audit.verify import verify

    return _reading(lambda: verify(store_conninfo(args), _progress, heads, checkpoints))


def _offline(file: Path, checkpoints: Sequence[Checkpoint]) -> Report:
    from workstation.services.audit.offline import Refuted, verify_export
    from workstation.services.audit.verify import Report

    try:
        walk = verify_export(file, checkpoints, lambda done: _progress(done, done))
    except (Refuted, OSError) as error:
        raise Invalid(f"{file} cannot be verified: {error}.", "Export it again.") from error
    _wipe()
    found = walk.heads
    return Report(events=walk.events, chains=len(found), problems=tuple(walk.problems), heads=found)


def _export(args: argparse.Namespace) -> int:
    from workstation.services.audit.export import export

    conninfo = store_conninfo(args)
    if args.output is None:
        _reading(lambda: export(conninfo, sys.stdout.buffer, _progress))
        return 0
    try:
        handle = os.open(args.output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Invalid(f"{args.output} is there already.", "Nothing was written over: name another file.") from error
    with os.fdopen(handle, "wb") as out:
        count = _reading(lambda: export(conninfo, out, _progress))
    print(f"{count:,} records; `python offline.py {args.output.name} --checkpoint F --key K` verifies them elsewhere.")
    return 0


def _reading(work: Callable[[], T]) -> T:
    import psycopg

    try:
        done = work()
    except psycopg.Error as error:
        raise StoreError(f"The audit cannot be read: {error}".strip(), "Check the store and your login.") from error
    finally:
        _wipe()
    return done


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done:,} of about {total:,} records", end="", file=sys.stderr, flush=True)


def _wipe() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _kept(args: argparse.Namespace) -> tuple[Heads | None, list[Checkpoint], list[Problem]]:
    """Return what was kept elsewhere: heads without a signature, signed checkpoints, and what is off with those."""
    from workstation.services.audit.offline import load

    if len(args.checkpoint) == 1 and (heads := _heads(args.checkpoint[0])) is not None:
        return heads, [], []
    if not args.checkpoint:
        return None, [], []
    try:
        found, off = load(args.checkpoint, _keys(args), args.witnesses)
    except OSError as error:
        raise Invalid(f"The checkpoint cannot be read: {error}", "Name a file or a directory of them.") from error
    return None, found, off


def _keys(args: argparse.Namespace) -> list[Key]:
    from workstation.services.audit.offline import Refuted, parse_keys

    try:
        text = args.key.read_text("utf-8") if args.key else "\n".join(Where(args).settings.notary.keys)
        keys = parse_keys(text)
    except (Refuted, OSError, UnicodeDecodeError) as error:
        raise Invalid(f"The verifier keys cannot be used: {error}", "Use those that you were given by hand.") from error
    if not keys:
        raise Invalid(
            "There is no key to verify the checkpoint by.", "Add --key FILE, or [notary] keys (docs/audit.md)."
        )
    return keys


def _heads(path: Path) -> Heads | None:
    """Return heads that were written as JSON; None where the file is something else."""
    try:
        content = path.read_bytes() if path.is_file() else b""
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error}", "Name another file.") from error
    if not content.lstrip().startswith(b"{"):
        return None
    try:
        return msgspec.json.decode(content, type=dict[str, tuple[int, str]])
    except msgspec.DecodeError as error:
        raise Invalid(f"{path} holds no heads: {error}", "Write them with `workstation audit heads > FILE`.") from error


def _say(report: Report, checkpoints: Sequence[Checkpoint], seconds: float) -> None:
    for problem in report.problems:
        print(f"✗ {clean(problem.chain)} record {problem.seq}: {clean(problem.what)}")
    if report.partial:
        print("! Only your own chain can be seen with this login: an auditor's sees all.")
    if checkpoints:
        last = checkpoints[-1]
        by = ", ".join(map(clean, last.witnesses)) or "no witness"
        print(f"  {len(checkpoints)} checkpoints; the last is {last.size}, made {last.made} UTC, co-signed by {by}")
    verdict = f"{len(report.problems)} problems" if report.problems else "everything follows"
    print(f"{report.events:,} records in {report.chains} chains, {seconds:.1f} s: {verdict}.")
