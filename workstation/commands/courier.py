"""``workstation courier``: the daemon that carries mail in and out."""

from __future__ import annotations

import argparse
import asyncio

from workstation.commands.common import add_place, daemon_secrets, daemon_settings
from workstation.services.daemon import die_with_parent, logger, stop_event


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    add_place(parser)
    parser.add_argument("--check", action="store_true", help="try every connection and credential, then end")
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Work until SIGTERM."""
    if args.parent:
        die_with_parent(args.parent)
    return asyncio.run(_work(args))


async def _work(args: argparse.Namespace) -> int:
    import psycopg

    from workstation.services.clock import SystemClock
    from workstation.services.connect import house_of, mailbox_of, secret, store_conninfo
    from workstation.services.errors import StoreError
    from workstation.services.mail.courier import serve

    log, settings, secrets = logger("courier"), daemon_settings(args), daemon_secrets()
    password = await secret(secrets, "store:ws_courier", "The store password of ws_courier")
    conninfo = store_conninfo(settings.store.url, "ws_courier", password)
    mailbox = await mailbox_of(settings.mail, secrets)
    if args.check:
        try:
            async with await psycopg.AsyncConnection.connect(conninfo, connect_timeout=5) as connection:
                await connection.execute("SELECT ws.inbox_cursor()")
        except psycopg.Error as error:
            raise StoreError(
                f"The courier cannot use the store: {error}", "Check its credential and the store."
            ) from error
        await mailbox.fetch(None)
        print("courier: the store and the mailbox answer")
        return 0
    log("start")
    key = await secrets.get("mail:token-key")
    house = house_of(settings.mail)
    await serve(
        conninfo, mailbox, SystemClock(), stop_event(), log, house=house, key=bytes.fromhex(key) if key else None
    )
    log("stop")
    return 0
