"""What the vendors' writers share: times, ids, and where the two histories of a person meet a record."""

from __future__ import annotations

import random
from typing import Any

from bench.strangers.lives import Life, Step
from workstation.services.clock import from_micros

Record = dict[str, Any]
SECOND = 1_000_000


def stamp(at: int, digits: int = 3) -> str:
    """Return a moment as ISO 8601 with a Z and as many digits of a second."""
    written = from_micros(at).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return (written[: -(6 - digits)] if digits < 6 else written).rstrip(".") + "Z"


def uuid(rng: random.Random) -> str:
    """Return a random UUID."""
    hexed = f"{rng.getrandbits(128):032x}"
    return "-".join((hexed[:8], hexed[8:12], hexed[12:16], hexed[16:20], hexed[20:]))


class Pen:
    """Writes one history as one vendor does: a method for each kind of step that the vendor logs."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.rng = random.Random(f"{life.seed} as written")
        #: What this installation leaves out, drawn once a history.
        self.terse = self.rng.random() < 0.3
        self.staff_id = uuid(random.Random("staff"))

    def write(self, step: Step) -> list[Record]:
        """Return the records of a step, in order; none where the vendor logs nothing of the kind."""
        method = getattr(self, step.kind, None)
        return method(step) if method is not None else []
