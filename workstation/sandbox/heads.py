"""What is not in any log: what the made-up people know and own, and what they will say.

Passwords are kept as they are: they belong to nobody, and the simulated client has to know his own to type it.
Nothing of this is ever served by the contract's API.
"""

from __future__ import annotations

from typing import Any

import msgspec

from workstation.sandbox.atlas import Device, Spot


class Secret(msgspec.Struct, kw_only=True):
    """What makes a second factor work.

    ``secret`` is a base 32 key (``totp``) or a phone number (``sms``); ``codes`` are unused recovery codes.
    ``used_step`` is the last time step of a one-time password that was taken (RFC 6238, 5.2: never twice).
    ``sent`` is a code sent by SMS and until when it is good, microseconds.
    """

    kind: str
    secret: str = ""
    codes: list[str] = msgspec.field(default_factory=list)
    used_step: int = 0
    sent: tuple[str, int] | None = None


class Actor(msgspec.Struct, kw_only=True):
    """A person who wants to get in: the client, or an intruder.

    ``factors`` are the ids of the factors at hand (the phone with the one-time passwords, say); an SMS reaches
    whoever holds the number in ``phones``; a mail whoever reads the mailbox in ``mailboxes``. ``keen`` tries
    to sign in by himself when the account changes. ``replaces`` says that a removed factor will be set up anew.
    """

    name: str
    writes_from: str
    mailboxes: tuple[str, ...]
    phones: tuple[str, ...]
    password: str
    factors: tuple[str, ...]
    device: Device
    spot: Spot
    keen: bool = True
    replaces: bool = False


class Head(msgspec.Struct, kw_only=True):
    """An account's secrets and the people around it."""

    password: str
    client: Actor
    intruder: Actor | None = None
    failures: int = 0
    secrets: dict[str, Secret] = msgspec.field(default_factory=dict)


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is said about what happened; whether it is true is known here and nowhere else."""

    code: str
    true: bool
    params: dict[str, Any] = msgspec.field(default_factory=dict)


class Story(msgspec.Struct, kw_only=True):
    """Why somebody writes to support, and what he will answer.

    ``tell`` is the story's key in ``letters/*.toml``; ``writer`` is ``client`` or ``intruder``. ``spoofed``: the
    From header shows the client's address, but the mail did not come from his provider.
    """

    tell: str
    kind: str
    language: str
    writer: str
    opened_us: int
    trouble_us: int
    funds_usd: float
    params: dict[str, Any] = msgspec.field(default_factory=dict)
    spoofed: bool = False
    client_says: list[Statement] = msgspec.field(default_factory=list)
    intruder_says: list[Statement] = msgspec.field(default_factory=list)
    message_id: str = ""
    subject: str = ""
    excerpt: str = ""
