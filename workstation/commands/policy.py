"""``workstation admin policy``: the file that says what acts need, signed by two people and put in force by a third."""

from __future__ import annotations

import argparse
import getpass
import os
from pathlib import Path
from typing import Any

import msgspec

from workstation.services.errors import Invalid
from workstation.services.policy import document

#: Parts that need no store: they run on the signer's own machine.
OFFLINE = frozenset({"new-key", "check", "sign"})
#: The file of signatures is beside the policy.
SUFFIX = ".signed"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the flags of ``admin policy``."""
    parts = parser.add_subparsers(dest="policy_part", required=True)
    parts.add_parser("show", help="print version and hash of the policy in force")
    new_key = parts.add_parser("new-key", help="make a signing key; prints the public half")
    new_key.add_argument("key", type=Path)
    enrol = parts.add_parser("enrol-key", help="let a lead or senior sign with this public key")
    enrol.add_argument("login")
    enrol.add_argument("public", help="64 hex digits, as `new-key` printed them")
    parts.add_parser("check", help="read a policy file; print its hash").add_argument("file", type=Path)
    sign = parts.add_parser("sign", help="sign a policy file; the signature goes beside it")
    sign.add_argument("file", type=Path)
    sign.add_argument("key", type=Path)
    sign.add_argument("--replaces", default="", help="the hash of the policy in force, as `show` prints it")
    parts.add_parser("install", help="put a file in force that two people signed").add_argument("file", type=Path)


def run(args: argparse.Namespace) -> int:
    """Do the part that was named."""
    parts = {"show": _show, "new-key": _new_key, "enrol-key": _enrol_key, "check": _check, "sign": _sign}
    return (parts | {"install": _install})[args.policy_part](args)


def _show(args: argparse.Namespace) -> int:
    import psycopg

    from workstation.services.policy import installing

    with psycopg.connect(args.url, autocommit=True) as connection:
        version, found = installing.in_force(connection)
    print(f"version {version}\n{found.hex()}")
    return 0


def _new_key(args: argparse.Namespace) -> int:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    passphrase = getpass.getpass("A passphrase for the key: ")
    if len(passphrase) < 15:
        raise Invalid("The passphrase is too short.", "It needs at least 15 characters (NIST SP 800-63B-4).")
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    try:
        descriptor = os.open(args.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Invalid(f"{args.key} is there already.", "Choose another name; a key is not overwritten.") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    print(key.public_key().public_bytes_raw().hex())
    return 0


def _enrol_key(args: argparse.Namespace) -> int:
    import psycopg

    from workstation.services.policy import installing

    public = _hex(args.public, 32, "public key")
    with psycopg.connect(args.url, autocommit=True) as connection:
        installing.enrol_key(connection, args.login, public)
    print(f"{args.login} may sign policies. An earlier key of theirs is revoked.")
    return 0


def _check(args: argparse.Namespace) -> int:
    found = document.parse(_text(args.file))
    print(f"version {found.version}: {found.text}\n{found.hash.hex()}")
    return 0


def _sign(args: argparse.Namespace) -> int:
    policy = document.parse(_text(args.file))
    beside = _beside(args.file)
    if beside.exists():
        change = _change(beside)
        if change.hash != policy.hash.hex():
            raise Invalid(f"{beside} signs another state of the file.", "Remove it and let both sign again.")
    else:
        replaces = _hex(args.replaces, 32, "hash of the policy in force (--replaces)").hex()
        change = document.Change(replaces=replaces, hash=policy.hash.hex(), version=policy.version)
    signed = document.sign(change, _private(args.key))
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(signed)) + b"\n")
    print(f"signed: version {signed.version}, {signed.hash}\nin place of {signed.replaces}")
    print(f"{len(signed.signatures)} of 2 signatures are in {beside}")
    return 0


def _install(args: argparse.Namespace) -> int:
    import psycopg

    from workstation.services.policy import installing

    policy, change = document.parse(_text(args.file)), _change(_beside(args.file))
    with psycopg.connect(args.url, autocommit=True) as connection:
        installing.install(connection, policy, change)
    print(f"In force: version {policy.version}, {policy.hash.hex()}. Requests under the old policy are refused now.")
    return 0


def _beside(file: Path) -> Path:
    return file.with_name(file.name + SUFFIX)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} cannot be read: {error}", "Give the path of a policy file.") from error


def _change(file: Path) -> document.Change:
    try:
        return msgspec.json.decode(_text(file), type=document.Change)
    except msgspec.DecodeError as error:
        raise Invalid(f"{file} holds no signatures: {error}", "Sign with `workstation admin policy sign`.") from error


def _private(file: Path) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_text(file).encode(), getpass.getpass("The key's passphrase: ").encode())
    except (ValueError, TypeError) as error:
        raise Invalid(f"{file} cannot be opened: {error}", "Is the passphrase right?") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid(f"{file} is no Ed25519 key.", "Make one with `workstation admin policy new-key`.")
    return key


def _hex(text: str, length: int, what: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != length:
        raise Invalid(f"This is no {what}.", f"It has {2 * length} hexadecimal digits.")
    return found
