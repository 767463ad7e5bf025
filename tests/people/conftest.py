"""One installation for all of them, with a second lead and mail addresses of the leads; each test begins a new day."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.people.staff import Staff
from tests.rules.installation import installation


@pytest.fixture(scope="package")
def staff(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staff]:
    with installation(tmp_path_factory.mktemp("people") / "store") as made:
        yield Staff(made)


@pytest.fixture(autouse=True)
def a_new_day(request: pytest.FixtureRequest) -> None:
    if "staff" in request.fixturenames:
        request.getfixturevalue("staff").forget()
