"""``workstation reader``: the daemon that alone holds the read credentials, and asks for a view ticket."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from workstation.commands.common import add_place, daemon_secrets, daemon_settings
from workstation.services.daemon import die_with_parent, logger, stop_event

if TYPE_CHECKING:
    from workstation.services.reading.cabinet import Cabinet
    from workstation.services.reading.gate import StoreGate

#: An account that no system has: asking for it tests the address and the credential and reads nobody's data.
NOBODY = "00000000"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_place(parser)
    parser.add_argument("--check", action="store_true", help="try every connection and credential, then end")
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM."""
    if args.parent:
        die_with_parent(args.parent)
    return asyncio.run(_work(args))


async def _work(args: argparse.Namespace) -> int:
    from workstation.services.clock import SystemClock
    from workstation.services.connect import cabinet_of, read_tokens, secret, store_conninfo
    from workstation.services.reading.app import Desk
    from workstation.services.reading.gate import StoreGate
    from workstation.services.reading.server import listener, serve, tidy
    from workstation.services.timeline.imported import ImportedEvents

    log, settings, secrets = logger("reader"), daemon_settings(args), daemon_secrets()
    tokens = await read_tokens(settings, secrets)
    password = await secret(secrets, "store:ws_reader", "The store password of ws_reader")
    gate = StoreGate(store_conninfo(settings.store.url, "ws_reader", password))
    cabinet = cabinet_of(settings, tokens, ImportedEvents(gate.imported), SystemClock())
    try:
        if args.check:
            return await _check(gate, cabinet)
        opened = listener(settings.reader)
        await gate.serves()
        log("start", sources=list(cabinet.sources))
        await serve(Desk(cabinet, gate, log).app(), opened, settings.reader, stop_event())
        await asyncio.to_thread(tidy, settings.reader)
    finally:
        await cabinet.aclose()
        await gate.aclose()
    log("stop")
    return 0


async def _check(gate: StoreGate, cabinet: Cabinet) -> int:
    import contextlib

    from workstation.services.errors import SourceMissing
    from workstation.services.timeline.source import Span

    await gate.imported(NOBODY, 0, 1, None, "", 1)
    with contextlib.suppress(SourceMissing):
        await cabinet.accounts.read(NOBODY)
    with contextlib.suppress(SourceMissing):
        await cabinet.risk(NOBODY)
    for source in cabinet.sources.values():
        with contextlib.suppress(SourceMissing):
            async for _ in source.pages(NOBODY, Span(0, 1)):
                break
    print(f"reader: the store, the account system and {len(cabinet.sources)} sources answer")
    return 0
