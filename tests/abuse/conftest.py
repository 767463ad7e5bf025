"""The demo under attack, and the record of where each attack was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.abuse.arena import Arena
from tests.story.running import demo
from workstation.sandbox.place import Place

__all__ = ["demo"]


@pytest.fixture(scope="module")
def arena(demo: Place) -> Iterator[Arena]:
    made = Arena(demo)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nobody_holds_a_case(arena: Arena) -> None:
    """Free what the case before has claimed: each begins at a desk where nobody sits."""
    arena.su.execute("UPDATE wsd.case_file SET holder = NULL, lease_until = NULL WHERE holder IS NOT NULL")


@pytest.fixture
def stopped_by(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say which layer stopped the attack; the last line of each case, so nothing is said of one that got through."""
    return lambda layer: record_property("layer", layer)
