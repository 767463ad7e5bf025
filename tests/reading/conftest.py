"""One store a module, one reader a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.reading.house import House
from tests.rules.installation import Installation, installation


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("ws") / "store") as made:
        yield made


@pytest.fixture
async def house(ws: Installation, tmp_path: Path) -> AsyncIterator[House]:
    made = House(ws, tmp_path / "r.sock")
    async with made.open():
        yield made


@pytest.fixture(autouse=True)
def _forgotten(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let every test begin with a whole hour's budget and without alerts."""
    yield
    if "ws" in request.fixturenames:
        su = request.getfixturevalue("ws").su
        su.execute("SET session_replication_role = replica")
        su.execute("UPDATE wsd.view_ticket SET issued = issued - interval '2 h', expires = expires - interval '2 h'")
        su.execute("DELETE FROM wsd.alert WHERE kind LIKE 'view.%'")
        su.execute("SET session_replication_role = origin")
