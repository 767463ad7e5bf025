"""``workstation notary``: the daemon that signs where the audit stands; with ``--witness``, one that co-signs."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from workstation.commands.common import add_place, daemon_secrets, daemon_settings
from workstation.services.daemon import die_with_parent, logger, stop_event
from workstation.services.errors import Invalid

if TYPE_CHECKING:
    from workstation.services.audit.journal import Journal
    from workstation.services.audit.notes import Signer
    from workstation.services.audit.offline import Key
    from workstation.services.audit.serving import Service
    from workstation.services.daemon import Log
    from workstation.settings import NotarySettings, Settings

#: Names of the credentials; the next key is there during a rotation only.
KEY, NEXT_KEY, WITNESS_KEY, PASSWORD = "notary:key", "notary:next-key", "witness:key", "store:ws_notary"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_place(parser)
    parser.add_argument("--check", action="store_true", help="try every connection and credential, then end")
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--witness", action="store_true", help="co-sign the checkpoints of other notaries")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--once", action="store_true", help="make a checkpoint now and end; exit code 1 for an alarm")
    what.add_argument(
        "--rotate", action="store_true", help="hand over to the next key, in one checkpoint signed by both"
    )
    what.add_argument("--rebuild", type=Path, metavar="D", help="make the notary's disk again from a sink's directory")
    what.add_argument("--new-key", metavar="NAME", help="make a key of this name, of a witness with --witness")
    parser.add_argument("--into", type=Path, metavar="D", help="the credentials directory that gets the new key")


def run(args: argparse.Namespace) -> int:
    """Work until SIGTERM, or do the one thing that was asked for."""
    if args.parent:
        die_with_parent(args.parent)
    if args.new_key:
        return _new_key(args)
    settings = daemon_settings(args)
    if args.rebuild:
        return _rebuild(settings.notary, args.rebuild)
    return asyncio.run(_witness(args, settings) if args.witness else _notary(args, settings))


def _new_key(args: argparse.Namespace) -> int:
    """Write a private key where only this user reads it, and print what others verify by."""
    from workstation.services.audit import disk
    from workstation.services.audit.notes import LOG_KEY, Signer
    from workstation.services.audit.notes import WITNESS_KEY as COSIGNS
    from workstation.services.vault import credential_file

    if args.into is None:
        raise Invalid("Where the private key goes is not said.", "Add --into DIRECTORY.")
    seed = os.urandom(32)
    signer = Signer(args.new_key, seed, COSIGNS if args.witness else LOG_KEY)
    names = (WITNESS_KEY,) if args.witness else (KEY, NEXT_KEY)
    free = [path for path in (args.into / credential_file(name) for name in names) if not path.exists()]
    if not free:
        raise Invalid(
            f"There are keys in {args.into} already.", "Nothing was written over: take away what is not needed."
        )
    disk.private(args.into)
    disk.replace(free[0], seed.hex().encode())
    print(f"{free[0]}\n{signer.key}")
    return 0


async def _witness(args: argparse.Namespace, settings: Settings) -> int:
    from workstation.services.audit.notes import WITNESS_KEY as COSIGNS
    from workstation.services.audit.notes import signer_of
    from workstation.services.audit.offline import parse_keys
    from workstation.services.audit.witness import Witness, server
    from workstation.services.clock import SystemClock
    from workstation.services.connect import secret

    place = settings.witness
    if place is None:
        raise Invalid("The settings have no [witness].", "See docs/audit.md.")
    seed = await secret(daemon_secrets(), WITNESS_KEY, "The witness' private key")
    signer, log = signer_of(place.name, seed, COSIGNS), logger("witness")
    witness = Witness(signer, parse_keys("\n".join(place.logs)), Path(place.state), SystemClock(), log)
    if args.check:
        print(f"witness: {signer.key}")
        return 0
    http = server(witness, place.listen)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    log("start", key=str(signer.key), listen=place.listen)
    await stop_event().wait()
    await asyncio.to_thread(http.shutdown)
    http.server_close()
    witness.close()
    log("stop")
    return 0


async def _notary(args: argparse.Namespace, settings: Settings) -> int:
    from workstation.services.audit.notes import signer_of
    from workstation.services.audit.serving import serve
    from workstation.services.connect import secret

    place, secrets, log = settings.notary, daemon_secrets(), logger("notary")
    if not place.origin or not place.state or not place.sinks:
        raise Invalid("The settings' [notary] lacks origin, state or sinks.", "See docs/audit.md.")
    signers = [signer_of(place.origin, await secret(secrets, KEY, "The notary's private key"))]
    if args.rotate:
        signers.append(signer_of(place.origin, await secret(secrets, NEXT_KEY, "The notary's next private key")))
    password = await secret(secrets, PASSWORD, "The store password of ws_notary")
    with _opened(place.state) as journal:
        service = _service(settings, password, journal, signers, log)
        if args.check:
            return _check(service, signers[0])
        if args.rotate:
            return _rotate(service, journal, signers)
        if args.once:
            return _once(service)
        log("start", key=str(signers[0].key), size=journal.size)
        code = await serve(service, stop_event(), log)
        log("stop")
        return code


@contextlib.contextmanager
def _opened(state: str) -> Iterator[Journal]:
    from workstation.services.audit.journal import Journal

    journal = Journal(Path(state))
    try:
        yield journal
    finally:
        journal.close()


def _service(settings: Settings, password: str, journal: Journal, signers: list[Signer], log: Log) -> Service:
    from workstation.services.audit.cosigning import HttpCosigner
    from workstation.services.audit.notary import Notary
    from workstation.services.audit.serving import Service
    from workstation.services.audit.sinks import DirectorySink
    from workstation.services.audit.store import NotaryStore
    from workstation.services.clock import SystemClock
    from workstation.services.connect import store_conninfo

    place, clock = settings.notary, SystemClock()
    store = NotaryStore(store_conninfo(settings.store.url, "ws_notary", password))
    sinks = [DirectorySink(Path(sink)) for sink in place.sinks]
    cosigners = [HttpCosigner(w, _key_of(w.key), log, clock) for w in place.witnesses]
    return Service(Notary(journal, signers, store, sinks, cosigners, clock, log), store, cosigners, clock, log)


def _key_of(text: str) -> Key:
    from workstation.services.audit.offline import Refuted, parse_keys

    try:
        return parse_keys(text)[0]
    except (Refuted, IndexError) as error:
        raise Invalid(f"The settings hold a key that is none: {error}", "Copy it as `--new-key` printed it.") from error


def _check(service: Service, signer: Signer) -> int:
    look = service.store.look()
    print(f"notary: the store answers ({look.records:,} records); signs as {signer.key}")
    return 0


def _once(service: Service) -> int:
    signed = service.notary.checkpoint()
    print("nothing new" if signed is None else f"checkpoint {signed.size}: {signed.witnesses} witnesses")
    return 0


def _rotate(service: Service, journal: Journal, signers: list[Signer]) -> int:
    """One checkpoint whose leaf names the next key, signed by both; a second call after a crash finishes it."""
    old, new = signers
    service.notary.settle()
    if journal.key != str(new.key):
        service.notary.checkpoint(even_if_still=True)
    print("For everybody who verifies, in place of the line with the old key:")
    print(f"{old.key} until {journal.size}\n{new.key} from {journal.size}")
    print("Now put the next key in the place of the old one and start the notary.")
    return 0


def _rebuild(place: NotarySettings, source: Path) -> int:
    """Fill an empty disk with the leaves of a sink's directory; every file of it is verified, none may be missing."""
    from workstation.services.audit.offline import Refuted, load, parse_keys

    try:
        keys = parse_keys("\n".join(place.keys))
    except Refuted as error:
        raise Invalid(f"The settings' [notary] keys: {error}", "See docs/audit.md.") from error
    found, problems = load([source], keys, 0)
    mine = [one for one in found if one.origin == place.origin]
    if problems or [one.size for one in mine] != list(range(1, len(mine) + 1)) or not mine:
        what = problems[0].what if problems else "a checkpoint is missing"
        raise Invalid(f"{source} cannot be rebuilt from: {what}.", "Use another sink, or all mails to the auditor.")
    with _opened(place.state) as journal:
        if journal.size:
            raise Invalid(f"{place.state} is not empty.", "Put it aside first: it may be evidence.")
        for one in mine:
            journal.append(one.leaf.decode())
        journal.keep(mine[-1].content)
    print(f"{len(mine)} checkpoints; start the notary.")
    return 0
