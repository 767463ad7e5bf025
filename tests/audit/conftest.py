"""One store for all tests of the audit; each test has its own notary, under its own name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.office import ORIGIN, SEED, Desk, Office
from tests.rules.installation import Installation, answer, installation
from workstation.services.audit.notes import Signer


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("ws") / "store") as made:
        work(made)
        yield made


def work(ws: Installation, *logins: str, times: int = 3) -> None:
    """Have people leave records."""
    for login in logins or ("ana", "ben"):
        for number in range(times):
            answer(ws.desk(login), "SELECT ws.open_account(%s, 'a reason of enough length')", f"ACC{number}")


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "witness", [Signer(ORIGIN, SEED).key])
    yield desk
    desk.close()


@pytest.fixture
def office(ws: Installation, witness: Desk, tmp_path: Path) -> Iterator[Office]:
    forget(ws)
    made = Office(tmp_path, ws.conninfo("ws_notary"), witness)
    yield made
    made.close()


def forget(ws: Installation) -> None:
    """Let the store forget what other tests' notaries told it."""
    ws.su.execute("SET session_replication_role = replica")
    ws.su.execute("DELETE FROM wsd.checkpoint")
    ws.su.execute("DELETE FROM wsd.alert WHERE kind = 'notary'")
    ws.su.execute("DELETE FROM wsd.mail WHERE author = 'ws_notary'")
    ws.su.execute("SET session_replication_role = origin")
