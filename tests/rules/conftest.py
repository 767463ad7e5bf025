"""One installation a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rules.installation import Installation, installation


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("ws") / "store") as made:
        yield made
