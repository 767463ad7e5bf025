"""Rows and mails that several tests start from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from workstation.services.accounts.model import Account, Contact, ContactKind, Factor, Session, Standing, Status
from workstation.services.mail.inbound import Inbound, parse
from workstation.services.mail.message import draft_hash, message_id
from workstation.services.mail.ports import House, OutRow

NOW = datetime(2025, 3, 1, 14, 2, tzinfo=UTC)
HOUSE = House(
    brand="Example Exchange",
    address="security@exchange.example",
    authserv="mx.exchange.example",
    hosts=frozenset({"exchange.example", "www.exchange.example"}),
)
ACCOUNT = Account(
    id="AA71N84G",
    etag="7",
    status=Status.ACTIVE,
    name="Ana Kovač",
    language="de",
    balance_usd=12_345.67,
    contacts=(
        Contact(kind=ContactKind.EMAIL, value="maria@proton.example"),
        Contact(kind=ContactKind.PHONE, value="+351 912 345 678"),
    ),
    sessions=(Session(id="s-8841-77", started_at=NOW, ip="203.0.113.9", device="Pixel 8 Pro"),),
    factors=(Factor(id="f-totp-19", kind="totp", label="Work phone totp"),),
    standing=(Standing(id="key-77ab", kind="api_key", label="trading-bot"),),
)


def row(number: int = 1, **changes: Any) -> OutRow:
    """An outbox row that can be sent."""
    values: dict[str, Any] = {
        "id": number,
        "case_ref": f"CS-4821{number}",
        "recipient": "maria@proton.example",
        "subject": "Ihre Nachricht ist angekommen",
        "body": "Guten Tag,\n\nwir schauen nach.\n",
        "language": "de",
        "in_reply_to": "",
        "refs": "",
        "created": NOW,
    } | changes
    if "message_id" not in values:
        draft = draft_hash(values["recipient"], values["subject"], values["body"])
        values["message_id"] = message_id(values["case_ref"], number, draft, HOUSE.domain)
    return OutRow(**values)


def mail(body: str = "I cannot sign in to my account.", *, number: int = 1, **headers: str) -> bytes:
    """A plain mail of a client; header names have ``_`` for ``-``."""
    lines = {
        "From": "Maria <maria@proton.example>",
        "To": "security@exchange.example",
        "Subject": "I cannot sign in",
        "Message-ID": f"<m{number}@proton.example>",
        "Date": "Sat, 1 Mar 2025 13:00:00 +0100",
        "Content-Type": "text/plain; charset=utf-8",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return (head + "\r\n" + body.replace("\n", "\r\n") + "\r\n").encode()


def read(raw: bytes) -> Inbound:
    """What our house reads of a mail."""
    return parse(raw, HOUSE.authserv, brand=HOUSE.brand, our_address=HOUSE.address)
