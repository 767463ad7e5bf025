"""The courier killed, and cut off from its store, at every step: never two mails, none lost silently."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from workstation.services.connectors.mailboxes.maildir import MaildirMailbox
from workstation.services.errors import SourceBusy, SourceDown, StoreError
from workstation.services.mail.courier import Courier
from workstation.services.mail.ports import SendUnknown

from .samples import HOUSE, mail, row
from .world import POISON, REFUSED, Inbox, Killed, Outbox, World


def a_world() -> World:
    rows = [row(1), row(2, recipient=REFUSED), row(3, recipient="two@x.example, three@x.example"), row(4)]
    return World(rows, [mail(number=1), POISON, mail(number=2)])


async def points() -> int:
    """How many points an undisturbed run passes until everything is done."""
    world = a_world()
    await world.work(world.courier())
    assert world.states == {1: "sent", 2: "failed", 3: "failed", 4: "sent"}
    return world.fuse.passed


def hold(world: World) -> None:
    assert max(world.delivered.values(), default=0) <= 1, "two mails"
    for number, state in world.states.items():
        out = world.delivered[world.rows[number].message_id]
        assert state in ("sent", "unknown", "failed"), f"row {number} was left {state}"
        assert state != "sent" or out == 1, "said to be sent, and was not"
        assert state != "failed" or out == 0, "said to have failed, and went out"
        assert state == "sent" or world.whys[number], "nobody says why"
    assert [raw for _, raw in world.kept.values()] == world.waiting, "an incoming mail was lost"


async def run_killed(world: World, courier: Courier, at: int, error: Callable[[], BaseException] = Killed) -> None:
    world.fuse.passed, world.fuse.at, world.fuse.error = 0, at, error
    with suppress(Killed):
        await world.work(courier)
    world.fuse.at = -1


async def test_killed_at_every_step() -> None:
    total = await points()
    assert total > 30
    unknown = 0
    for at in range(1, total + 1):
        world = a_world()
        await run_killed(world, world.courier(), at)
        await world.work(world.courier())
        hold(world)
        unknown += sum(state == "unknown" for state in world.states.values())
    # One ambiguity for each place between the claim and the settled row, no more: a kill costs at most one answer.
    assert 0 < unknown <= total


async def test_killed_again_while_recovering() -> None:
    total = await points()
    for at in range(1, total + 1, 2):
        for then in range(1, 9):
            world = a_world()
            await run_killed(world, world.courier(), at)
            await run_killed(world, world.courier(), then)
            await world.work(world.courier())
            hold(world)


@pytest.mark.parametrize(
    "error",
    [
        lambda: StoreError("The store is away."),
        lambda: SourceDown("No answer."),
        lambda: SendUnknown("The link ended."),
        lambda: SourceBusy("Later.", retry_after=5.0),
    ],
    ids=["store", "down", "unknown", "busy"],
)
async def test_one_failure_at_every_step_of_one_courier(error: Callable[[], BaseException]) -> None:
    """No kill: the same courier meets an error, as from a call that never arrived or an answer that got lost."""
    total = await points()
    for at in range(1, total + 1):
        world = a_world()
        if not reachable(await where(at), error()):
            continue
        await run_killed(world, world.courier(), at, error)
        hold(world)


async def where(at: int) -> str:
    """Which call passes the point `at`: found by killing there and looking at the traceback."""
    world = a_world()
    world.fuse.at = at
    try:
        await world.work(world.courier())
    except Killed as killed:
        frame = killed.__traceback__
        names = []
        while frame:
            names.append(frame.tb_frame.f_code.co_qualname)
            frame = frame.tb_next
        return next(name for name in reversed(names) if not name.startswith("Fuse"))
    raise AssertionError("not reached")


def reachable(place: str, error: BaseException) -> bool:
    """Whether that call may raise that error by its protocol."""
    if isinstance(error, StoreError):
        return place.startswith(("Outbox", "Inbox"))
    if isinstance(error, SourceBusy):
        return False if place.startswith(("Outbox", "Inbox")) else place in ("Box.fetch", "Box.sent")
    return place.startswith("Box") and (place == "Box.send" or not isinstance(error, SendUnknown))


async def test_on_a_real_maildir(tmp_path: Path) -> None:
    total = await points()
    for at in range(1, total + 1):
        world = a_world()
        root = tmp_path / str(at)

        def courier(world: World = world, root: Path = root) -> Courier:
            box = MaildirMailbox(root)
            return Courier(Outbox(world), Inbox(world), box, world.clock, house=HOUSE, log=lambda *_, **__: None)

        first = courier()
        for number, raw in enumerate(world.waiting, 1):
            (root / "inbox" / "new" / str(number)).write_bytes(raw)
        await run_killed(world, first, at)
        await world.work(courier())
        left = [path.read_bytes() for path in (root / "outgoing" / "new").iterdir()]
        assert len(left) == len({raw.partition(b"Message-ID: ")[2][:60] for raw in left})
        for number, state in world.states.items():
            there = any(world.rows[number].message_id.encode() in raw for raw in left)
            assert state in ("sent", "unknown", "failed")
            assert there is (state == "sent") or state == "unknown"
        assert sorted(raw for _, raw in world.kept.values()) == sorted(world.waiting)
