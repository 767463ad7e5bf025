"""Wait for conditions that other processes bring about, with a deadline and never for a fixed time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Generous: a deadline is for what never comes, not for how fast a shared machine is.
DEADLINE_S = 30.0
_LOOK_S = 0.02


def until(condition: Callable[[], T], what: str = "", seconds: float = DEADLINE_S) -> T:
    """Return the first truthy value of `condition`.

    Raises:
        AssertionError: it stayed falsy; the message holds `what` and the last value.
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what or condition}: still {value!r} after {seconds} s")
        threading.Event().wait(_LOOK_S)
    return value
