from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from workstation.services.connectors.mailboxes.imap_smtp import ImapSmtpMailbox, Server
from workstation.services.errors import Invalid, KeyringUnavailable, SourceBusy, SourceDenied, SourceDown, SourceError
from workstation.services.mail.message import build
from workstation.services.mail.ports import SendUnknown

from .contract import MailboxContract
from .samples import HOUSE, NOW, mail, row
from .servers import DROP, ImapServer, SmtpServer, certificate

LETTER = build(row(), house=HOUSE, now=NOW)


class Rig:
    """A mailbox between a scripted SMTP and a scripted IMAP server."""

    def __init__(self, security: str, server: ssl.SSLContext | None, client: ssl.SSLContext) -> None:
        self.smtp = SmtpServer(server, implicit=security == "tls")
        self.imap = ImapServer(server, implicit=security == "tls")
        self.security, self.client = security, client
        self.mailbox: ImapSmtpMailbox

    def connect(self, **changes: Any) -> ImapSmtpMailbox:
        values: dict[str, Any] = {
            "imap": Server(host="127.0.0.1", port=self.imap.port, security=self.security),
            "smtp": Server(host="127.0.0.1", port=self.smtp.port, security=self.security),
            "sender": HOUSE.address,
            "user": "team",
            "secret": lambda: "s3cret",
            "deadline": 5.0,
            "context": self.client,
        }
        return ImapSmtpMailbox(**values | changes)

    async def deliver(self, raw: bytes) -> None:
        self.imap.add("INBOX", raw)

    async def outgoing(self) -> list[bytes]:
        return [raw for _, _, raw in self.smtp.taken]


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def start(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> AsyncIterator[Callable[..., Any]]:
    started: list[Rig] = []

    async def begin(security: str = "none") -> Rig:
        rig = Rig(security, None if security == "none" else contexts[0], contexts[1])
        await rig.smtp.start()
        await rig.imap.start()
        rig.mailbox = rig.connect()
        started.append(rig)
        return rig

    yield begin
    for rig in started:
        await rig.mailbox.aclose()
        await rig.smtp.stop()
        await rig.imap.stop()


@pytest.fixture
async def rig(start: Callable[..., Any]) -> Rig:
    return await start()


async def fails_with(rig: Rig, expected: type[SourceError]) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await rig.mailbox.send(LETTER.raw, LETTER.recipient)
    assert caught.type is expected
    return caught.value


class TestImapSmtp(MailboxContract):
    async def test_the_envelope_and_the_copy(self, rig: Rig) -> None:
        await rig.mailbox.send(LETTER.raw, LETTER.recipient)
        assert rig.smtp.taken == [(HOUSE.address, ["maria@proton.example"], LETTER.raw)]
        assert [raw for _, raw in rig.imap.folders["Sent"]] == [LETTER.raw]

    async def test_a_server_that_files_copies_itself_gets_no_second(self, rig: Rig) -> None:
        rig.imap.add("Sent", LETTER.raw)
        await rig.mailbox.send(LETTER.raw, LETTER.recipient)
        assert len(rig.imap.folders["Sent"]) == 1

    async def test_a_rebuilt_folder_comes_again(self, rig: Rig) -> None:
        await rig.deliver(mail())
        (found,) = await rig.mailbox.fetch(None)
        assert found[0] == "7:1"
        assert await rig.mailbox.fetch("7:1") == []
        rig.imap.validity = 8
        assert [cursor for cursor, _ in await rig.mailbox.fetch("7:1")] == ["8:1"]


class TestTls:
    @pytest.mark.parametrize("security", ["tls", "starttls"])
    async def test_both_ways_of_encryption(self, start: Callable[..., Any], security: str) -> None:
        rig = await start(security)
        await rig.deliver(mail())
        assert len(await rig.mailbox.fetch(None)) == 1
        await rig.mailbox.send(LETTER.raw, LETTER.recipient)
        assert await rig.mailbox.sent(LETTER.message_id)
        assert rig.smtp.secure_logins == [True]

    async def test_starttls_that_is_not_offered_sends_nothing(self, start: Callable[..., Any]) -> None:
        rig = await start("starttls")
        rig.smtp.says["EHLO"] = "250 AUTH PLAIN"
        rig.imap.says["CAPABILITY"] = "* CAPABILITY IMAP4rev1\r\nTAG OK done"
        await fails_with(rig, SourceBusy)
        assert "AUTH" not in rig.smtp.heard
        assert "MAIL" not in rig.smtp.heard
        with pytest.raises(SourceDown):
            await rig.mailbox.fetch(None)
        assert "LOGIN" not in rig.imap.heard

    async def test_a_certificate_that_nobody_vouches_for(self, start: Callable[..., Any]) -> None:
        rig = await start("tls")
        stranger = rig.connect(context=ssl.create_default_context())
        with pytest.raises(SourceDown):
            await stranger.fetch(None)
        with pytest.raises(SourceBusy):
            await stranger.send(LETTER.raw, LETTER.recipient)
        assert rig.smtp.heard == rig.imap.heard == []
        await stranger.aclose()

    @pytest.mark.parametrize("host", ["mail.exchange.example", "192.0.2.1", "127.0.0.1.evil.example"])
    def test_no_clear_text_over_a_network(self, host: str) -> None:
        for security in ("none", "starttsl"):
            with pytest.raises(Invalid):
                ImapSmtpMailbox(
                    imap=Server(host="127.0.0.1", port=1, security="none"),
                    smtp=Server(host=host, port=1, security=security),
                    sender=HOUSE.address,
                    user="",
                    secret=str,
                )


class TestSending:
    """What is known after each way in which a server can disappoint."""

    @pytest.mark.parametrize(
        ("at", "says", "expected"),
        [
            ("greeting", "554 go away", SourceBusy),
            ("greeting", "421 too many", SourceBusy),
            ("EHLO", DROP, SourceBusy),
            ("AUTH", "535 wrong", SourceBusy),
            ("AUTH", DROP, SourceBusy),
            ("MAIL", "451 later", SourceBusy),
            ("MAIL", "552 too large", SourceDenied),
            ("MAIL", DROP, SourceBusy),
            ("RCPT", "450 greylisted", SourceBusy),
            ("RCPT", "421 closing", SourceBusy),
            ("RCPT", "550 no such user", SourceDenied),
            ("RCPT", DROP, SourceBusy),
            ("DATA", "451 later", SourceBusy),
            ("DATA", "554 no", SourceDenied),
            ("DATA", "250 what", SourceBusy),
            ("DATA", DROP, SendUnknown),
            ("body", DROP, SendUnknown),
            ("end", DROP, SendUnknown),
            ("end", "451 lost my mind", SendUnknown),
            ("end", "354 more", SendUnknown),
            ("end", "550 spam", SourceDenied),
            ("end", "nonsense", SendUnknown),
        ],
    )
    async def test_what_is_known(self, rig: Rig, at: str, says: str, expected: type[SourceError]) -> None:
        rig.smtp.says[at] = says
        error = await fails_with(rig, expected)
        assert error.what
        if expected is not SendUnknown:
            assert rig.smtp.taken == []
        assert rig.imap.folders["Sent"] == []

    async def test_words_of_the_server_are_cleaned(self, rig: Rig) -> None:
        rig.smtp.says["RCPT"] = "550 \x1b]0;owned\x07"
        assert "\x1b" not in (await fails_with(rig, SourceDenied)).what

    async def test_a_server_that_is_not_there(self, rig: Rig) -> None:
        await rig.smtp.stop()
        await fails_with(rig, SourceBusy)

    async def test_a_quit_that_fails_changes_nothing(self, rig: Rig) -> None:
        rig.smtp.says["QUIT"] = DROP
        await rig.mailbox.send(LETTER.raw, LETTER.recipient)
        assert len(rig.smtp.taken) == 1

    async def test_a_keyring_that_is_locked_sends_nothing(self, rig: Rig) -> None:
        def locked() -> str:
            raise KeyringUnavailable("The keyring is locked.")

        box = rig.connect(secret=locked)
        with pytest.raises(SourceBusy):
            await box.send(LETTER.raw, LETTER.recipient)
        with pytest.raises(SourceDown):
            await box.fetch(None)
        await box.aclose()

    @pytest.mark.parametrize("says", ["TAG NO quota", DROP])
    async def test_a_copy_that_cannot_be_kept_is_owed(self, rig: Rig, says: str) -> None:
        rig.imap.says["APPEND"] = says
        await rig.mailbox.send(LETTER.raw, LETTER.recipient)
        assert rig.imap.folders["Sent"] == []
        assert await rig.mailbox.sent(LETTER.message_id)
        rig.imap.says.clear()
        await rig.mailbox.fetch(None)
        assert [raw for _, raw in rig.imap.folders["Sent"]] == [LETTER.raw]

    async def test_a_full_mailbox_is_still_read(self, rig: Rig) -> None:
        rig.imap.says["APPEND"] = "TAG NO quota"
        await rig.mailbox.send(LETTER.raw, LETTER.recipient)
        await rig.deliver(mail())
        assert len(await rig.mailbox.fetch(None)) == 1

    async def test_the_folder_that_the_server_marks(self, rig: Rig) -> None:
        rig.imap.folders = {"INBOX": [], "Gesendet": []}
        rig.imap.flags = {"Gesendet": "\\Sent"}
        await rig.mailbox.send(LETTER.raw, LETTER.recipient)
        assert len(rig.imap.folders["Gesendet"]) == 1

    async def test_a_folder_that_is_missing_is_made(self, rig: Rig) -> None:
        rig.imap.folders = {"INBOX": []}
        assert await rig.mailbox.sent(LETTER.message_id) is False
        await rig.mailbox.send(LETTER.raw, LETTER.recipient)
        assert len(rig.imap.folders["Sent"]) == 1


class TestReading:
    async def test_a_refused_login(self, rig: Rig) -> None:
        rig.imap.says["LOGIN"] = "TAG NO [AUTHENTICATIONFAILED] no"
        with pytest.raises(SourceDenied):
            await rig.mailbox.fetch(None)

    @pytest.mark.parametrize(
        ("verb", "says"),
        [("LOGIN", DROP), ("greeting", "* BYE full")]
        + [(v, s) for v in ("EXAMINE", "SEARCH", "FETCH") for s in (DROP, "TAG BAD what", "* garbage ((( {5}")],
    )
    async def test_trouble_is_told_and_the_next_call_starts_anew(self, rig: Rig, verb: str, says: str) -> None:
        await rig.deliver(mail())
        rig.imap.says[verb] = says
        box = rig.connect(deadline=0.3)
        with pytest.raises(SourceDown):
            await box.fetch(None)
        rig.imap.says.clear()
        assert len(await box.fetch(None)) == 1
        await box.aclose()

    async def test_not_being_able_to_look_is_not_a_no(self, rig: Rig) -> None:
        rig.imap.says["EXAMINE"] = "TAG NO no such folder"
        with pytest.raises(SourceDown):
            await rig.mailbox.sent(LETTER.message_id)

    async def test_a_mail_deleted_meanwhile_is_passed_over(self, rig: Rig) -> None:
        await rig.deliver(mail(number=1))
        await rig.deliver(mail(number=2))
        rig.imap.says["FETCH"] = "TAG OK nothing"
        assert await rig.mailbox.fetch(None) == []
