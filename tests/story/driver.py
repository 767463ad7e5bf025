"""The main job, step by step, through the real desk; the sandbox and Keycloak stories share it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import msgspec

from workstation.services.timeline.event import Event
from workstation.services.timeline.source import Gap
from workstation.services.views import AccountView, Packet, Request, SourceLine
from workstation.services.workbench import Workbench

T = TypeVar("T")
FINDING = "The owner's own device failed the second factor; nothing foreign in ninety days of events."
REASON = "The client proved who they are and the log agrees with what they say."


async def until(look: Callable[[], Awaitable[T]], good: Callable[[T], bool], what: str, turns: int = 600) -> T:
    """Look again until `good`, at most `turns` times with a tenth of a second between; fail with what was seen."""
    seen: T | None = None
    for _ in range(turns):
        seen = await look()
        if good(seen):
            return seen
        await asyncio.wait({asyncio.ensure_future(asyncio.Event().wait())}, timeout=0.1)
    raise AssertionError(f"{what}: never came; last seen {seen!r}")


class Whole(NamedTuple):
    """A timeline that was read to its end."""

    events: tuple[Event, ...]
    gaps: tuple[Gap, ...]
    sources: tuple[SourceLine, ...]


async def whole_timeline(desk: Workbench, account: str) -> Whole:
    """Return the timeline when every source has ended."""
    timeline = await desk.timeline(account)
    try:
        async with asyncio.timeout(60):
            await timeline.loaded()
        seen = timeline.working.snapshot()
        return Whole(tuple(seen.event(int(row)) for row in seen.order()), timeline.gaps, timeline.lines)
    finally:
        await timeline.aclose()


async def investigate(desk: Workbench, case: int, act: str, params: dict[str, str], verdict: str) -> AccountView:
    """Do what a Level 1 analyst does before forwarding: read, pin, label, tick, write a note, fill the packet."""
    view = await desk.open_case(case)
    line = await whole_timeline(desk, view.account.id)
    assert line.events, "the account has a history"
    pin = await desk.pin(case, line.events[0])
    assert pin.sha256 == line.events[0].sha256
    await _label(desk, case, line.events)
    await desk.note(case, "What I looked at, and what I ruled out.")
    assert view.procedure is not None
    for step in view.procedure.steps:
        await desk.tick(case, step.key, pin.id if step.needs_pin else None)
    await _prove(desk, case, line.events)
    packet = await desk.packet(case)
    filled = msgspec.structs.replace(
        packet, finding=FINDING, verdict=verdict, act=act, params=params, wants="To sign in again."
    )
    saved = await desk.save_packet(case, filled)
    assert saved.missing == ()
    return view


#: What each event of the account's log stands for.
PROVES = {"identity.proofed": "proofing", "device.confirmed": "possession"}


async def _prove(desk: Workbench, case: int, events: tuple[Event, ...]) -> None:
    """Pin what shows that the client is the client, and record of which class it is."""
    for event in events:
        if event.action in PROVES and event.outcome == "success":
            pin = await desk.pin(case, event)
            proof = await desk.record_proof(case, PROVES[event.action], pin.id, "Looked at, and it is he.")
            assert proof.by == desk.person.login


async def _label(desk: Workbench, case: int, events: tuple[Event, ...]) -> None:
    device = next((e.device for e in events if e.device), "")
    if device:
        label = await desk.label(case, "device", device, "owner")
        assert label.verdict == "owner"


async def forward(desk: Workbench, case: int) -> Packet:
    """Hand the case up."""
    packet = await desk.forward(case)
    assert packet.state == "forwarded"
    return packet


async def step_up(desk: Workbench, bind: bytes | None = None) -> None:
    """Step up with the security key and touch it as soon as it waits."""
    proof = asyncio.ensure_future(desk.step_up("fido2", bind=bind))
    while not proof.done():
        await desk.touch()
        await asyncio.wait({proof}, timeout=0.1)
    assert (await proof).on


async def ask(desk: Workbench, case: int, act: str, params: dict[str, str], tier: int) -> Request:
    """Take the case over, step up and ask for the act."""
    await desk.open_escalation(case)
    await desk.take_over(case)
    await step_up(desk, await desk.intent(case, act, params) if tier >= 3 else None)
    return await desk.request_act(case, act, params, "CLIENT_REQUEST_VERIFIED", REASON)


async def agree(desk: Workbench, case: int) -> Request:
    """Open the packet as the second person, step up for exactly this request and approve it."""
    view = await desk.open_escalation(case)
    request = next(r for r in view.requests if r.state == "pending")
    await step_up(desk, request.request_hash)
    return await desk.approve(request)


async def outcome(desk: Workbench, case: int, request: Request) -> Request:
    """Wait until the broker has settled the request."""

    async def look() -> Request:
        return next(r for r in await desk.requests(case) if r.id == request.id)

    done = await until(look, lambda r: r.state not in ("pending", "executing"), "the broker settles", turns=1200)
    assert done.state == "executed", done
    assert done.readback
    return done
