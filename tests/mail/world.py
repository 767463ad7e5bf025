"""A store and a mailbox in memory that outlive the courier, and can be cut off between any two steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from workstation.services.clock import FrozenClock
from workstation.services.errors import Invalid, SourceDenied, StoreError
from workstation.services.mail.courier import Courier
from workstation.services.mail.inbound import Inbound
from workstation.services.mail.ports import OutRow

from .samples import HOUSE, NOW

POISON = b"poison"
REFUSED = "nobody@proton.example"


class Killed(BaseException):
    """The process ends here."""


class Fuse:
    """Counts the points that are passed and raises at one of them."""

    def __init__(self) -> None:
        self.passed = 0
        self.at = -1
        self.error: Callable[[], BaseException] = Killed

    def point(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            raise self.error()


class World:
    """Rows, kept mails, delivered mails. Each call has a point before and after its effect.

    A point before an effect is a call that never arrived, one after it is an answer that got lost.
    """

    def __init__(self, rows: list[OutRow], inbox: list[bytes]) -> None:
        self.fuse = Fuse()
        self.rows = {row.id: row for row in rows}
        self.states = dict.fromkeys(self.rows, "queued")
        self.whys: dict[int, str] = {}
        self.delivered: Counter[str] = Counter()
        self.copies: set[str] = set()
        self.waiting = inbox
        self.kept: dict[str, tuple[Inbound, bytes]] = {}
        self.position: str | None = None
        self.clock = FrozenClock(NOW)
        self.log: list[str] = []

    def courier(self) -> Courier:
        return Courier(
            Outbox(self), Inbox(self), Box(self), self.clock, house=HOUSE, log=lambda event, **_: self.log.append(event)
        )

    @property
    def settled(self) -> bool:
        return all(state in ("sent", "unknown", "failed") for state in self.states.values())

    async def work(self, courier: Courier, rounds: int = 40) -> None:
        """Let the courier work until nothing is left to do."""
        for _ in range(rounds):
            try:
                busy = await courier.step()
            except StoreError:
                busy = True
            self.clock.move(timedelta(seconds=60))
            if not busy and self.settled and len(self.kept) == len(self.waiting):
                return


class Outbox:
    def __init__(self, world: World) -> None:
        self._world = world

    async def claim(self) -> OutRow | None:
        world = self._world
        world.fuse.point()
        due = next((n for n, state in world.states.items() if state == "queued"), None)
        if due is not None:
            world.states[due] = "sending"
        world.fuse.point()
        return None if due is None else world.rows[due]

    async def stuck(self) -> list[OutRow]:
        world = self._world
        world.fuse.point()
        return [world.rows[n] for n, state in world.states.items() if state == "sending"]

    async def sent(self, row: int, at: datetime) -> None:
        self._settle(row, "sent")

    async def unknown(self, row: int, why: str) -> None:
        self._settle(row, "unknown", why)

    async def failed(self, row: int, why: str) -> None:
        self._settle(row, "failed", why)

    async def again(self, row: int, why: str) -> None:
        self._settle(row, "queued", why)

    def _settle(self, row: int, state: str, why: str = "") -> None:
        world = self._world
        world.fuse.point()
        if world.states[row] != "sending":
            raise Invalid(f"Row {row} is not being sent.")
        world.states[row] = state
        world.whys[row] = why
        world.fuse.point()


class Inbox:
    def __init__(self, world: World) -> None:
        self._world = world

    async def cursor(self) -> str | None:
        self._world.fuse.point()
        return self._world.position

    async def file(self, inbound: Inbound, raw: bytes, cursor: str) -> None:
        world = self._world
        world.fuse.point()
        if raw == POISON and not inbound.warnings[0].startswith("The store refused"):
            raise Invalid("A value does not fit.")
        world.kept.setdefault(inbound.sha256, (inbound, raw))
        world.position = cursor
        world.fuse.point()


class Box:
    def __init__(self, world: World) -> None:
        self._world = world

    async def fetch(self, after: str | None) -> list[tuple[str, bytes]]:
        self._world.fuse.point()
        start = int(after or 0)
        return [(str(n), raw) for n, raw in enumerate(self._world.waiting, 1) if n > start][:2]

    async def sent(self, message_id: str) -> bool:
        self._world.fuse.point()
        return message_id in self._world.copies

    async def send(self, message: bytes, recipient: str) -> None:
        world = self._world
        world.fuse.point()
        if recipient == REFUSED:
            raise SourceDenied("No such user.")
        message_id = message.partition(b"Message-ID: ")[2].partition(b"\r\n")[0].decode()
        world.delivered[message_id] += 1
        world.fuse.point()
        world.copies.add(message_id)
        world.fuse.point()

    async def aclose(self) -> None:
        """Nothing to release."""
