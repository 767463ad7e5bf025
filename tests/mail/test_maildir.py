from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workstation.services.connectors.mailboxes import maildir
from workstation.services.connectors.mailboxes.failing import FailingMailbox
from workstation.services.connectors.mailboxes.maildir import MaildirMailbox
from workstation.services.connectors.mailboxes.null import NullMailbox
from workstation.services.errors import SourceBusy, SourceDenied, SourceDown
from workstation.services.mail.message import build
from workstation.services.mail.ports import SendUnknown

from .contract import MailboxContract
from .samples import HOUSE, NOW, mail, row

LETTER = build(row(), house=HOUSE, now=NOW)


class Rig:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.mailbox = MaildirMailbox(root)
        self._count = 0

    async def deliver(self, raw: bytes, name: str = "") -> None:
        self._count += 1
        (self.root / "inbox" / "new" / (name or f"1740000000.M{self._count:06}P1.host")).write_bytes(raw)

    async def outgoing(self) -> list[bytes]:
        box = self.root / "outgoing"
        return [path.read_bytes() for part in ("new", "cur") for path in sorted((box / part).iterdir())]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


class TestMaildir(MailboxContract):
    async def test_the_same_mail_twice_is_one_file(self, rig: Rig) -> None:
        await rig.mailbox.send(LETTER.raw, LETTER.recipient)
        await MaildirMailbox(rig.root).send(LETTER.raw, LETTER.recipient)
        assert len(await rig.outgoing()) == 1

    async def test_a_mail_that_was_read_by_another_program_counts_as_sent(self, rig: Rig) -> None:
        await rig.mailbox.send(LETTER.raw, LETTER.recipient)
        (unread,) = (rig.root / "outgoing" / "new").iterdir()
        unread.rename(rig.root / "outgoing" / "cur" / f"{unread.name}:2,S")
        assert await rig.mailbox.sent(LETTER.message_id)
        await rig.mailbox.send(LETTER.raw, LETTER.recipient)
        assert len(await rig.outgoing()) == 1

    async def test_the_recipient_and_only_the_owner_may_read_it(self, rig: Rig) -> None:
        await rig.mailbox.send(LETTER.raw, LETTER.recipient)
        (path,) = (rig.root / "outgoing" / "new").iterdir()
        assert path.read_bytes().startswith(b"Delivered-To: maria@proton.example\r\n")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    async def test_a_late_delivery_under_an_earlier_name_is_not_lost(self, rig: Rig) -> None:
        await rig.deliver(mail(number=2), "1740000002.x")
        (second,) = await rig.mailbox.fetch(None)
        await rig.deliver(mail(number=1), "1740000001.x")
        (first,) = await rig.mailbox.fetch(second[0])
        assert first[1] == mail(number=1)
        assert await rig.mailbox.fetch(first[0]) == []

    async def test_after_a_restart_what_may_not_be_filed_comes_again(self, rig: Rig) -> None:
        await rig.deliver(mail())
        (found,) = await rig.mailbox.fetch(None)
        assert await MaildirMailbox(rig.root).fetch(found[0]) == [found]

    async def test_links_and_half_written_files_are_left_alone(self, rig: Rig, tmp_path: Path) -> None:
        (rig.root / "inbox" / "new" / "1").symlink_to("/etc/passwd")
        (rig.root / "inbox" / "new" / "2").mkdir()
        (rig.root / "inbox" / "tmp" / "3").write_bytes(b"half")
        assert await rig.mailbox.fetch(None) == []

    async def test_a_mail_without_identity_is_refused(self, rig: Rig) -> None:
        with pytest.raises(SourceDenied):
            await rig.mailbox.send(b"Subject: x\r\n\r\nx\r\n", "a@x.example")

    async def test_a_missing_directory_is_down_and_nothing_was_handed_over(self, rig: Rig) -> None:
        for box in ("inbox", "outgoing"):
            (rig.root / box).rename(rig.root / f"{box}-gone")
        with pytest.raises(SourceDown):
            await rig.mailbox.fetch(None)
        with pytest.raises(SourceDown):
            await rig.mailbox.sent(LETTER.message_id)
        with pytest.raises(SourceBusy):
            await rig.mailbox.send(LETTER.raw, LETTER.recipient)


class Killed(BaseException):
    """The process ends here."""


def fail_at(monkeypatch: pytest.MonkeyPatch, step: int, error: BaseException) -> Callable[[], int]:
    """Make the `step`-th call that changes the disk raise instead; returns a count of the calls."""
    calls = 0
    for name in ("open", "fsync", "rename", "close"):
        real = getattr(os, name)

        def wrapped(*args: Any, real: Any = real, name: str = name, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == step:
                if name == "close":
                    real(*args)
                raise error
            return real(*args, **kwargs)

        monkeypatch.setattr(maildir.os, name, wrapped)
    return lambda: calls


class TestBrokenHalfway:
    """Every step that touches the disk is tried: killed there, and refused there by the system."""

    STEPS = 6

    async def test_the_steps_are_as_many_as_are_tried(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        count = fail_at(monkeypatch, 0, Killed())
        rig.mailbox._send(LETTER.raw, LETTER.recipient)
        assert count() == self.STEPS

    @pytest.mark.parametrize("step", range(1, STEPS + 1))
    def test_killed(self, rig: Rig, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
        with monkeypatch.context() as patch:
            fail_at(patch, step, Killed())
            with pytest.raises(Killed):
                rig.mailbox._send(LETTER.raw, LETTER.recipient)
        again = MaildirMailbox(rig.root)
        there = list((rig.root / "outgoing" / "new").iterdir())
        assert again._is_there(maildir._name(LETTER.message_id)) is bool(there)
        assert all(path.read_bytes().endswith(LETTER.raw) for path in there)
        again._send(LETTER.raw, LETTER.recipient)
        assert len(list((rig.root / "outgoing" / "new").iterdir())) == 1

    @pytest.mark.parametrize("step", range(1, STEPS + 1))
    def test_refused_by_the_system(self, rig: Rig, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
        with monkeypatch.context() as patch:
            fail_at(patch, step, OSError(28, "No space left on device"))
            with pytest.raises((SourceBusy, SendUnknown)) as caught:
                rig.mailbox._send(LETTER.raw, LETTER.recipient)
        there = list((rig.root / "outgoing" / "new").iterdir())
        assert not (caught.type is SourceBusy and there), "busy says that nothing was handed over"


class TestTwins:
    async def test_null_never_pretends(self) -> None:
        box = NullMailbox()
        assert await box.fetch(None) == []
        assert await box.sent(LETTER.message_id) is False
        with pytest.raises(SourceBusy):
            await box.send(LETTER.raw, LETTER.recipient)
        await box.aclose()

    async def test_failing_fails(self) -> None:
        box = FailingMailbox()
        for call in (box.fetch(None), box.sent("<a@b>"), box.send(b"", "a@x.example")):
            with pytest.raises(SourceDown):
                await call
        await box.aclose()
