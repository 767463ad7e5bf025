"""``workstation login`` and ``logout``: credentials into and out of this machine's keyring, never onto a disk."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import secrets

from workstation.commands.common import add_place, daemon_settings
from workstation.services.errors import Invalid


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("login", nargs="?", metavar="LOGIN", help="your login in the store")
    parser.add_argument(
        "--token",
        action="append",
        default=[],
        metavar="NAME",
        help="ask for this read token too, such as accounts:read",
    )
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    """Ask for each secret without echo, try the login, and keep what works."""
    if args.dir is not None:
        raise Invalid("A demo's people need no keyring.", "Use `workstation demo --dir … --as PERSON`.")
    return asyncio.run(_logout(args) if args.command == "logout" else _login(args))


async def _login(args: argparse.Namespace) -> int:
    login = args.login or (await asyncio.to_thread(input, "Login: ")).strip()
    from workstation.services.connect import read_names, store_conninfo
    from workstation.services.store.session import Session
    from workstation.services.vault import Vault

    settings, vault = daemon_settings(args), Vault()
    password = getpass.getpass(f"Store password of {login}: ")
    session = Session(store_conninfo(settings.store.url, login, password))
    try:
        me = await session.open()
    finally:
        await session.aclose()
    await vault.put(f"store:{login}", password)
    await vault.put("person", login)
    if await vault.get("drafts:key") is None:
        await vault.put("drafts:key", secrets.token_hex(32))
    # With a reader in the house a workstation holds no read token, and is not asked for one.
    wanted = () if settings.reader.url else read_names(settings)
    for name in args.token or [n for n in wanted if await vault.get(n) is None]:
        if token := getpass.getpass(f"Read token {name} (empty to leave out): "):
            await vault.put(name, token)
    print(f"Signed in as {me['name']}. The credentials are in this machine's keyring.")
    return 0


async def _logout(args: argparse.Namespace) -> int:
    from workstation.services.connect import READ_TOKENS, read_names
    from workstation.services.vault import Vault

    vault = Vault()
    login = await vault.get("person")
    try:
        tokens = read_names(daemon_settings(args))
    except Invalid as error:
        # Who wants out gets out; that a source's own token may stay behind is said.
        tokens = READ_TOKENS
        print(f"Tokens of single sources (logs:NAME:read) were not looked for. {error.sentence()}")
    for name in (f"store:{login}", "person", *tokens):
        await vault.delete(name)
    print("Signed out. Drafts stay on this machine, encrypted; `workstation login` makes them readable again.")
    return 0
