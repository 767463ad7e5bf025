"""``workstation admin found`` and ``recover``: ceremonies with a superuser and two people in the room."""

from __future__ import annotations

import argparse
import asyncio
import getpass

from workstation.settings import default_path, read

PARTS = ("found", "recover")


def configure(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the parts and their flags."""
    found = parts.add_parser("found", help="enrol the first two people of a store, each with a security key")
    found.add_argument("--team", required=True)
    who = ("LOGIN", "PERSON", "NAME", "EMAIL")
    found.add_argument("--lead", required=True, nargs=4, metavar=who, help="the first lead")
    found.add_argument("--second", required=True, nargs=4, metavar=who, help="the second person")
    found.add_argument("--second-standing", choices=("senior", "lead"), default="senior")
    recover = parts.add_parser("recover", help="a new key for somebody, by the sealed keys of two people")
    recover.add_argument("login")
    recover.add_argument("--reason", required=True, help="at least 20 characters; it stays on record")


def run(args: argparse.Namespace) -> int:
    """Hold the ceremony that was named."""
    import psycopg

    from workstation.services.acts.stepup import plugged_in
    from workstation.services.clock import SystemClock
    from workstation.services.people.ceremony import Ceremony

    settings = read(args.settings or default_path())
    with psycopg.connect(args.url, autocommit=True) as connection:
        room = Ceremony(connection, settings.step_up.rp_id, plugged_in, SystemClock(), _say)
        asyncio.run(_found(args, room) if args.part == "found" else _recover(args, room))
    return 0


def _say(words: str) -> None:
    input(f"{words}\n  (Enter when it is plugged in) ")


async def _found(args: argparse.Namespace, room: object) -> None:
    from workstation.services.people.ceremony import Ceremony, Founder

    assert isinstance(room, Ceremony)
    people = ((args.lead, "lead"), (args.second, args.second_standing))
    first, second = (
        Founder(login=login, person=person, name=name, email=email, standing=standing)
        for (login, person, name, email), standing in people
    )
    passwords = {f.login: getpass.getpass(f"Store password of {f.login}: ") for f in (first, second)}
    founded = await room.found(args.team, (first, second), passwords)
    print(f"Founded and on record:\n  {founded.statement}\n")
    for login, key in founded.sealed.items():
        print(f"Sealed key of {login}, shown once; onto paper, into an envelope, into a safe:\n  {key}")


async def _recover(args: argparse.Namespace, room: object) -> None:
    from workstation.services.people.ceremony import Ceremony

    assert isinstance(room, Ceremony)
    sealed = (getpass.getpass("The first sealed key: "), getpass.getpass("The second sealed key: "))
    for whose, key in await room.recover(args.login, sealed, args.reason):
        print(f"New sealed key of {whose}, in place of the one that was used, shown once:\n  {key}")
    print(f"{args.login} steps up with the new key now; everything from before has ended.")
