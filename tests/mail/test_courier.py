from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from workstation.services.errors import SourceBusy, SourceDenied, SourceDown, SourceError, StoreError, WorkstationError
from workstation.services.mail import courier as courier_module
from workstation.services.mail.courier import Courier
from workstation.services.mail.ports import SendUnknown
from workstation.services.mail.tokens import token

from .samples import HOUSE, mail, row
from .world import POISON, Box, Inbox, Outbox, World


class Moody(Box):
    """A mailbox that raises what it is told to."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.on_send: list[WorkstationError | None] = []
        self.on_fetch: list[SourceError | None] = []
        self.on_sent: list[SourceError | None] = []
        self.calls: list[str] = []

    async def fetch(self, after: str | None) -> list[tuple[str, bytes]]:
        self.calls.append("fetch")
        _raise(self.on_fetch)
        return await super().fetch(after)

    async def sent(self, message_id: str) -> bool:
        self.calls.append("sent")
        _raise(self.on_sent)
        return await super().sent(message_id)

    async def send(self, message: bytes, recipient: str) -> None:
        self.calls.append("send")
        _raise(self.on_send)
        await super().send(message, recipient)


def _raise(errors: list[Any]) -> None:
    error = errors.pop(0) if errors else None
    if error is not None:
        raise error


def moody(*rows: Any, inbox: tuple[bytes, ...] = ()) -> tuple[World, Moody, Courier]:
    world = World(list(rows), list(inbox))
    box = Moody(world)
    lines = world.log

    def log(event: str, **fields: Any) -> None:
        lines.append(f"{event} {fields}")

    return world, box, Courier(Outbox(world), Inbox(world), box, world.clock, house=HOUSE, log=log)


class TestSending:
    async def test_one_row_a_step(self) -> None:
        world, _, courier = moody(row(1), row(2))
        assert await courier.step()
        assert world.states == {1: "sent", 2: "queued"}
        assert await courier.step()
        assert not await courier.step()
        assert world.states == {1: "sent", 2: "sent"}

    @pytest.mark.parametrize(
        ("error", "state"),
        [
            (SourceBusy("Later."), "queued"),
            (SourceDenied("No such user."), "failed"),
            (SendUnknown("Cut off."), "unknown"),
            (SourceDown("Cut off."), "unknown"),
            (SourceError("Whatever."), "unknown"),
            (WorkstationError("Whatever."), "unknown"),
        ],
    )
    async def test_what_a_failure_means(self, error: WorkstationError, state: str) -> None:
        world, box, courier = moody(row(1))
        box.on_send = [error]
        await courier.step()
        assert world.states == {1: state}
        assert world.whys[1] == error.sentence()
        world.clock.move(timedelta(hours=1))
        await world.work(courier)
        assert world.states == {1: "sent" if state == "queued" else state}
        assert sum(world.delivered.values()) == (1 if state == "queued" else 0)

    async def test_a_mail_that_cannot_be_built_fails_unsent(self) -> None:
        world, box, courier = moody(row(1, subject="a\nBcc: x"))
        await courier.step()
        assert world.states == {1: "failed"}
        assert "send" not in box.calls

    async def test_a_busy_server_is_left_alone_longer_each_time(self) -> None:
        world, box, courier = moody(row(1))
        box.on_send = [SourceBusy("Later.")] * 4
        waits = []
        for _ in range(4):
            box.calls.clear()
            waited = 0
            while "send" not in box.calls:
                await courier.step()
                world.clock.move(timedelta(seconds=1))
                waited += 1
            waits.append(waited)
        assert waits == [1, 2, 4, 8]

    async def test_the_server_may_name_the_wait(self) -> None:
        world, box, courier = moody(row(1))
        box.on_send = [SourceBusy("Later.", retry_after=30.0)]
        await courier.step()
        world.clock.move(timedelta(seconds=29))
        await courier.step()
        assert world.states == {1: "queued"}
        world.clock.move(timedelta(seconds=1))
        await courier.step()
        assert world.states == {1: "sent"}


class TestRecovering:
    async def test_found_among_the_sent_ones(self) -> None:
        world, box, courier = moody(row(1), row(2))
        world.states = {1: "sending", 2: "sending"}
        world.copies = {world.rows[1].message_id}
        await courier.step()
        assert world.states == {1: "sent", 2: "unknown"}
        assert "send" not in box.calls

    async def test_not_being_able_to_look_is_tried_again_and_holds_nothing_up(self) -> None:
        world, box, courier = moody(row(1), row(2))
        world.states[1] = "sending"
        box.on_sent = [SourceDown("No answer.")]
        await courier.step()
        assert world.states == {1: "sending", 2: "sent"}
        world.clock.move(timedelta(seconds=3))
        await courier.step()
        assert world.states == {1: "unknown", 2: "sent"}

    async def test_what_became_of_a_mail_is_told_before_anything_else_is_sent(self) -> None:
        world, _, courier = moody(row(1), row(2))
        world.fuse.error = lambda: StoreError("The store is away.")
        world.fuse.at = 9  # the call that settles row 1 never arrives
        with pytest.raises(StoreError):
            await courier.step()
        assert world.states == {1: "sending", 2: "queued"}
        assert sum(world.delivered.values()) == 1
        await courier.step()
        assert world.states == {1: "sent", 2: "sent"}
        assert sum(world.delivered.values()) == 2

    async def test_a_row_that_was_settled_by_a_call_whose_answer_got_lost(self) -> None:
        world, _, courier = moody(row(1), row(2))
        world.fuse.error = lambda: StoreError("The answer got lost.")
        world.fuse.at = 10  # row 1 is settled, nobody hears of it
        with pytest.raises(StoreError):
            await courier.step()
        assert world.states == {1: "sent", 2: "queued"}
        await courier.step()
        assert world.states == {1: "sent", 2: "sent"}
        assert any("mail.settled_before" in line for line in world.log)


class TestReceiving:
    async def test_a_case_number_that_our_key_did_not_sign_joins_no_case(self) -> None:
        key = b"k" * 32
        subjects = ("[CS-9] x", "[CS-9-AAAAAAAA] x", f"Re: {token('CS-9', key)} x")
        world = World([], [mail(number=n, Subject=subject) for n, subject in enumerate(subjects)])
        courier = Courier(
            Outbox(world), Inbox(world), Moody(world), world.clock, house=HOUSE, log=lambda *_, **__: None, key=key
        )
        await world.work(courier)
        assert [inbound.case_token for inbound, _ in world.kept.values()] == ["", "", "CS-9"]

    async def test_batches_are_filed_in_order_with_their_cursor(self) -> None:
        world, _, courier = moody(inbox=tuple(mail(number=n) for n in range(5)))
        assert await courier.step()
        assert (world.position, len(world.kept)) == ("2", 2)
        await courier.step()
        await courier.step()
        assert [raw for _, raw in world.kept.values()] == world.waiting

    async def test_a_mail_that_the_store_refuses_is_kept_as_bytes(self) -> None:
        world, _, courier = moody(inbox=(POISON, mail()))
        await courier.step()
        (inbound, raw), _ = world.kept.values()
        assert raw == POISON
        assert inbound.warnings == ("The store refused this mail: A value does not fit.",)

    async def test_an_unreadable_inbox_does_not_hold_up_sending(self) -> None:
        world, box, courier = moody(row(1), inbox=(mail(),))
        box.on_fetch = [SourceDown("No answer.")]
        await courier.step()
        assert world.states == {1: "sent"}
        assert world.kept == {}
        world.clock.move(timedelta(seconds=3))
        await courier.step()
        assert len(world.kept) == 1

    async def test_an_empty_inbox_is_not_asked_all_the_time(self) -> None:
        world, box, courier = moody()
        for _ in range(5):
            await courier.step()
            world.clock.move(timedelta(seconds=1))
        assert box.calls.count("fetch") == 1
        await courier.step()
        assert box.calls.count("fetch") == 2


class TestRunning:
    async def test_stops_after_the_mail_that_is_on_its_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(courier_module, "OUTBOX_EVERY", 0.001)
        world, box, courier = moody(row(1), row(2))
        stop = asyncio.Event()
        real = box.send

        async def send(message: bytes, recipient: str) -> None:
            stop.set()
            await real(message, recipient)

        box.send = send  # type: ignore[method-assign]
        await asyncio.wait_for(courier.run(stop), 10)
        assert world.states == {1: "sent", 2: "queued"}

    async def test_a_store_that_is_away_is_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(courier_module, "OUTBOX_EVERY", 0.001)
        world, _, courier = moody(row(1))
        world.fuse.error = lambda: StoreError("The store is away.")
        world.fuse.at = 1
        stop = asyncio.Event()
        world.log = lines = StopAt("mail.sent", stop)
        courier._log = lambda event, **fields: lines.append(f"{event} {fields}")
        await asyncio.wait_for(courier.run(stop), 10)
        assert world.states == {1: "sent"}
        assert any(line.startswith("courier.trouble") for line in lines)

    async def test_the_log_names_no_client(self) -> None:
        world, box, courier = moody(row(1), row(2), row(3), inbox=(mail("my secret words"),))
        box.on_send = [None, SourceDenied("550 refused"), SendUnknown("cut off")]
        await world.work(courier)
        written = " ".join(world.log)
        assert "mail.sent" in written
        assert "mail.received" in written
        for private in ("maria", "proton", "secret words", "wir schauen"):
            assert private not in written


class StopAt(list[str]):
    """A log that stops the courier at a word."""

    def __init__(self, word: str, stop: asyncio.Event) -> None:
        super().__init__()
        self._word, self._stop = word, stop

    def append(self, line: str) -> None:
        super().append(line)
        if line.startswith(self._word):
            self._stop.set()
