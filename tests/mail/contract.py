"""What every mailbox that carries mail must do; one test class inherits it for each kind."""

from __future__ import annotations

from typing import Protocol

import pytest

from workstation.services.errors import SourceDenied
from workstation.services.mail.message import build
from workstation.services.mail.ports import Mailbox

from .samples import HOUSE, NOW, mail, row


class Rig(Protocol):
    """A mailbox with the world on its other side."""

    mailbox: Mailbox

    async def deliver(self, raw: bytes) -> None:
        """Put a mail into the inbox, as a stranger's server does."""
        ...

    async def outgoing(self) -> list[bytes]:
        """Return the mails that left, in order."""
        ...


class MailboxContract:
    """Inherit it and give a fixture ``rig``."""

    async def test_nothing_new(self, rig: Rig) -> None:
        assert await rig.mailbox.fetch(None) == []

    async def test_mails_come_whole_in_order_and_the_cursor_resumes(self, rig: Rig) -> None:
        raws = [mail(number=n) for n in range(3)]
        for raw in raws:
            await rig.deliver(raw)
        found = await rig.mailbox.fetch(None)
        assert [raw for _, raw in found] == raws
        assert [raw for _, raw in await rig.mailbox.fetch(found[1][0])] == raws[2:]
        assert await rig.mailbox.fetch(found[2][0]) in ([], [found[2]])

    async def test_what_was_not_filed_comes_again(self, rig: Rig) -> None:
        await rig.deliver(mail())
        first = await rig.mailbox.fetch(None)
        assert await rig.mailbox.fetch(None) == first
        assert len(first) == 1

    async def test_more_than_one_batch(self, rig: Rig) -> None:
        for number in range(55):
            await rig.deliver(mail(number=number))
        seen: list[bytes] = []
        cursor = None
        while batch := [found for found in await rig.mailbox.fetch(cursor) if found[1] not in seen]:
            seen += [raw for _, raw in batch]
            cursor = batch[-1][0]
        assert seen == [mail(number=number) for number in range(55)]

    async def test_a_cursor_of_another_mailbox_brings_everything(self, rig: Rig) -> None:
        await rig.deliver(mail())
        for cursor in ("", "nonsense", "99999:99999", "1740000000.M1.host"):
            assert len(await rig.mailbox.fetch(cursor)) == 1

    @pytest.mark.parametrize(
        "raw", [b"\x00\xff\xfe not a mail \r\n.\r\n)\r\n", b"From: x\r\n\r\n" + b"{10}\r\n" * 500, b"x"]
    )
    async def test_hostile_bytes_come_as_they_are(self, rig: Rig, raw: bytes) -> None:
        await rig.deliver(raw)
        assert [found for _, found in await rig.mailbox.fetch(None)] == [raw]

    async def test_a_sent_mail_leaves_once_and_is_found(self, rig: Rig) -> None:
        letter = build(row(body=".\n..two dots\nFrom here\nゾーン\n"), house=HOUSE, now=NOW)
        assert await rig.mailbox.sent(letter.message_id) is False
        await rig.mailbox.send(letter.raw, letter.recipient)
        assert await rig.mailbox.sent(letter.message_id) is True
        assert await rig.mailbox.sent("<ws.other@exchange.example>") is False
        assert await rig.mailbox.sent("no id") is False
        left = await rig.outgoing()
        assert len(left) == 1
        assert left[0].endswith(letter.raw)

    @pytest.mark.parametrize(
        "recipient", ["", "a@x.example, b@y.example", "a@x.example\r\nDATA", "Maria <a@x.example>", "a@x"]
    )
    async def test_anything_but_one_plain_recipient_is_refused(self, rig: Rig, recipient: str) -> None:
        letter = build(row(), house=HOUSE, now=NOW)
        with pytest.raises(SourceDenied):
            await rig.mailbox.send(letter.raw, recipient)
        assert await rig.outgoing() == []
        assert await rig.mailbox.sent(letter.message_id) is False
