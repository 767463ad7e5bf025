"""What a simulated client types when he signs in: what he knows, and the code that he has at hand now."""

from __future__ import annotations

import random
import time
from pathlib import Path

from workstation.sandbox.door import code_at_hand
from workstation.sandbox.store import Store, Tx
from workstation.services.accounts.model import Account


def account_of(exchange: Path, account: str) -> Account:
    """Return an account as the exchange itself has it."""
    with Store(exchange / "exchange.sqlite3").read() as snapshot:
        record = Tx(snapshot.sql, time.time_ns() // 1000, random.Random(0)).load(account)
    assert record is not None
    return record.account


def credentials(exchange: Path, account: str) -> dict[str, str]:
    """Return the body of the client's sign-in, read from the exchange's own memory of its people."""
    with Store(exchange / "exchange.sqlite3").read() as snapshot:
        tx = Tx(snapshot.sql, time.time_ns() // 1000, random.Random(0))
        record = tx.load(account)
        assert record is not None
        client = record.head.client
        return {
            "username": record.account.username,
            "password": client.password,
            "factor_code": code_at_hand(tx, record, client),
        }
