"""The clients of the simulated exchange: taking them in, and the cases that their mails are.

The truth about them is written to ``truth.json`` beside the state and read by nothing that runs.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import msgspec

from workstation.sandbox.generate import Client, generate
from workstation.sandbox.heads import Story
from workstation.sandbox.letters import first_mail
from workstation.sandbox.store import Store
from workstation.sandbox.vocabulary import instant

STATE, TRUTH = "exchange.sqlite3", "truth.json"


def populate(directory: Path, seed: int, scale: int, now_us: int) -> Store:
    """Return the exchange of a directory; it is invented the first time and found again ever after.

    Args:
        directory: where it lives; made 0700 when it is not there.
        seed: which exchange, when it is invented now.
        scale: its size; 1 is 40 accounts.
        now_us: the present, microseconds since the epoch.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store(directory / STATE)
    if (directory / STATE).exists():
        return store
    clients = generate(seed, scale, now_us)
    mails = _write_first_mails(clients, seed)
    write_private(directory / TRUTH, msgspec.json.format(msgspec.json.encode([c.truth for c in clients]), indent=1))
    store.create(clients, {"seed": str(seed), "scale": str(scale), "born_us": str(now_us)}, mails)
    return store


def cases(directory: Path) -> list[dict[str, Any]]:
    """Return what intake makes of the clients' first mails, oldest first.

    Each has ``account``, ``kind`` (from what the writer says, never from the truth), ``language``, ``subject``,
    ``excerpt``, ``opened_at`` and ``trouble_since`` (RFC 3339), ``funds_usd`` and ``mail_message_id``.
    """
    with Store(directory / STATE).read() as tx:
        rows = tx.sql.execute("SELECT account, body FROM story").fetchall()
    stories = [(account, msgspec.json.decode(body, type=Story)) for account, body in rows]
    return [_case(account, story) for account, story in sorted(stories, key=lambda row: row[1].opened_us)]


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    beside.replace(path)


def _case(account: str, story: Story) -> dict[str, Any]:
    return {
        "account": account,
        "kind": story.kind,
        "language": story.language,
        "subject": story.subject,
        "excerpt": story.excerpt,
        "opened_at": instant(story.opened_us),
        "trouble_since": instant(story.trouble_us),
        "funds_usd": story.funds_usd,
        "mail_message_id": story.message_id,
    }


def _write_first_mails(clients: list[Client], seed: int) -> list[bytes]:
    """Complete each story with the mail it begins with; returns the mails in the order in which they came."""
    found: list[tuple[int, bytes]] = []
    for client in clients:
        story = client.story
        if story is None:
            continue
        actor = client.head.client if story.writer == "client" else client.head.intruder
        assert actor is not None
        mail = first_mail(client.account, actor, story, random.Random(f"{seed}:mail:{client.account.id}"))
        story.message_id, story.subject, story.excerpt = mail.message_id, mail.subject, mail.excerpt
        found.append((story.opened_us, mail.raw))
    return [raw for _, raw in sorted(found)]
