"""``workstation admin``: what the installer of a store does, and what people do about people.

The installer's parts need a superuser of the store; those about people work under one's own login (docs/people.md).
"""

from __future__ import annotations

import argparse
import getpass
import os
import secrets

from workstation.commands import admin_ceremony, admin_people, policy
from workstation.commands.common import add_place
from workstation.services.errors import Invalid

ROLES = {"l1": (1, "analyst", "ws_l1"), "l2": (2, "analyst", "ws_l2"), "senior": (3, "analyst", "ws_senior")}
ROLES |= {"lead": (3, "lead", "ws_lead"), "auditor": (1, "auditor", "ws_auditor")}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("--url", default=os.environ.get("WORKSTATION_ADMIN_URL", ""), help="libpq URL of a superuser")
    add_place(parser)
    parts = parser.add_subparsers(dest="part", required=True)
    parts.add_parser("migrate", help="bring the store to this version").add_argument("--database", default="ws")
    enrol = parts.add_parser("enrol", help="make a login for a person")
    enrol.add_argument("login")
    enrol.add_argument("--person", required=True, help="the person's id; two logins of one person share it")
    enrol.add_argument("--name", required=True)
    enrol.add_argument("--role", required=True, choices=sorted(ROLES))
    enrol.add_argument("--team", required=True)
    enrol.add_argument("--language", action="append", default=[])
    totp = parts.add_parser("enrol-totp", help="make a TOTP factor for a login; shows the secret once")
    totp.add_argument("login")
    policy.configure(parts.add_parser("policy", help="what acts need: a file that two people sign"))
    parts.add_parser("daemon", help="set a daemon's store password").add_argument(
        "login", choices=["broker", "courier", "notary", "reader"]
    )
    admin_ceremony.configure(parts)
    admin_people.configure(parts)


def run(args: argparse.Namespace) -> int:
    """Do the part that was named."""
    if args.part in admin_people.PARTS:
        return admin_people.run(args)
    if args.dir is not None:
        raise Invalid("A demo is administered by its supervisor.", "Leave --dir out.")
    if args.part == "policy" and args.policy_part in policy.OFFLINE:
        return policy.run(args)
    if not args.url:
        raise Invalid("Which store?", "Give --url, or set WORKSTATION_ADMIN_URL, for a superuser of it.")
    if args.part == "migrate":
        return _migrate(args)
    return {"enrol": _enrol, "enrol-totp": _enrol_totp, "daemon": _daemon, "policy": policy.run}[args.part](args)


def _migrate(args: argparse.Namespace) -> int:
    import psycopg

    from workstation.services.people import procedures
    from workstation.services.store.migrate import migrate

    migrate(args.url, args.database, on_progress=lambda word: print(f"{word} …"))
    with psycopg.connect(args.url, dbname=args.database, autocommit=True) as connection:
        new = procedures.install(connection, procedures.standard())
    print(f"The store is up to date; {new} procedures are new.")
    return 0


def _enrol(args: argparse.Namespace) -> int:
    import psycopg

    from workstation.services.store.logins import make_login

    level, role, group = ROLES[args.role]
    password = getpass.getpass(f"Store password for {args.login}: ")
    if len(password) < 15:
        # NIST SP 800-63B-4, 3.1.1.2: at least 15 characters where the password is the only factor of a login.
        raise Invalid("The password is too short.", "It needs at least 15 characters (NIST SP 800-63B-4).")
    with psycopg.connect(args.url, autocommit=True) as connection:
        make_login(connection, args.login, password, group)
        connection.execute(
            "SELECT ws.enrol(%s, %s, %s, %s::smallint, %s, %s, %s)",
            (args.login, args.person, args.name, level, role, args.team, args.language),
        )
    print(f"{args.login} is enrolled. A step-up factor is enrolled by `workstation admin enrol-totp`.")
    return 0


def _enrol_totp(args: argparse.Namespace) -> int:
    import psycopg
    import pyotp

    from workstation.services.acts.proofs import Verifier

    key = bytes.fromhex(getpass.getpass("The broker's wrapping key (step-up:key, 64 hex digits): "))
    secret = pyotp.random_base32()
    wrapped = Verifier("enrolment.invalid", key).wrap(args.login, secret)
    with psycopg.connect(args.url, autocommit=True) as connection:
        connection.execute("SELECT ws.enrol_factor(%s, 'totp', %s, %s)", (args.login, secrets.token_bytes(16), wrapped))
    print(pyotp.TOTP(secret).provisioning_uri(name=args.login, issuer_name="workstation"))
    return 0


def _daemon(args: argparse.Namespace) -> int:
    import psycopg

    from workstation.services.store.logins import make_login

    login = "ws_executor" if args.login == "broker" else f"ws_{args.login}"
    password = secrets.token_urlsafe(32)
    with psycopg.connect(args.url, autocommit=True) as connection:
        make_login(connection, login, password, None)
    print(password)
    return 0
