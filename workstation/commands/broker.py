"""``workstation broker``: the daemon that alone holds the account-control write credential."""

from __future__ import annotations

import argparse
import asyncio
import random

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
    from workstation.services.acts.broker import Broker
    from workstation.services.acts.telling import teller
    from workstation.services.clock import SystemClock
    from workstation.services.connect import control_of, house_of, secret, store_conninfo, verifier_of, vetoes_of
    from workstation.services.connectors.http import Surroundings

    log, clock, settings, secrets = logger("broker"), SystemClock(), daemon_settings(args), daemon_secrets()
    surroundings = Surroundings(clock=clock, rng=random.SystemRandom())
    tokens = {n: await secret(secrets, n, f"The credential {n}") for n in ("accounts:read", "accounts:write")}
    wrapping = bytes.fromhex(await secret(secrets, "step-up:key", "The key that TOTP secrets are wrapped with"))
    veto = bytes.fromhex(await secret(secrets, "veto:key", "The key that the clients' links are signed with"))
    password = await secret(secrets, "store:ws_executor", "The store password of ws_executor")
    broker = Broker(
        store_conninfo(settings.store.url, "ws_executor", password),
        control_of(settings, tokens, surroundings),
        verifier_of(settings, wrapping, clock),
        teller(house_of(settings.mail)),
        clock,
        log,
        vetoes=vetoes_of(settings, tokens, veto, surroundings),
    )
    if args.check:
        return await _check(broker)
    log("start")
    await broker.run(stop_event())
    log("stop")
    return 0


async def _check(broker: object) -> int:
    import psycopg

    from workstation.services.acts.broker import Broker
    from workstation.services.errors import StoreError

    assert isinstance(broker, Broker)
    try:
        await broker.sweep()
    except psycopg.Error as error:
        raise StoreError(f"The broker cannot use the store: {error}", "Check its credential and the store.") from error
    print("broker: the store answers and the credentials are there")
    return 0
