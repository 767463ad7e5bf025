"""Every picture waits for the loop, not for the processor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ui.quiet import quick_waits


@pytest.fixture(autouse=True)
def waits_are_quick() -> Iterator[None]:
    """See `quick_waits`."""
    with quick_waits():
        yield
