"""A mailbox on a mail server: IMAP to read (RFC 9051), SMTP submission to send (RFC 6409).

Both protocols are spoken by blocking clients in one worker thread: IMAPClient notices a dead server
where the asyncio clients that were tried hang, and one thread keeps the order of things.
"""

from __future__ import annotations

import asyncio
import imaplib
import ipaddress
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import imapclient
import msgspec
from imapclient.exceptions import LoginError

from workstation.services.errors import Invalid, KeyringUnavailable, SourceBusy, SourceDenied, SourceDown
from workstation.services.mail import headers
from workstation.services.mail.address import recipient as one_recipient
from workstation.services.mail.inbound import RAW_MAX
from workstation.services.mail.message import is_message_id
from workstation.services.mail.ports import SendUnknown
from workstation.services.text import clean

#: Mails that one call of `fetch` returns at most.
BATCH = 20
#: Copies of sent mails that are kept in memory while the IMAP server is away.
COPIES_MAX = 200
_CURSOR = re.compile(r"(\d{1,10}):(\d{1,10})\Z")
_T = TypeVar("_T")
_HINT = "It is tried again by itself; `workstation doctor` says more."


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server is. `security` is ``tls`` (from the first byte), ``starttls`` (required), or ``none``.

    ``none`` is allowed on this machine's own loopback only.
    """

    host: str
    port: int
    security: str = "tls"


class ImapSmtpMailbox:
    """One mailbox of the team.

    The cursor is ``UIDVALIDITY:UID``. Another UIDVALIDITY means that the server rebuilt the folder: all
    of it comes again (RFC 9051, 2.3.1.1).

    Args:
        imap, smtp: the servers.
        sender: the envelope's sender, our address.
        user: the login; empty for an SMTP relay and IMAP server that take none.
        secret: returns the password when it is needed; it is not kept.
        inbox, sent_folder: names of the folders.
        deadline: seconds that one answer of a server may take.
        context: the TLS context; by default the system's certificates, host names checked.

    Raises:
        Invalid: a server would be talked to in the clear over a network.
    """

    def __init__(
        self,
        *,
        imap: Server,
        smtp: Server,
        sender: str,
        user: str,
        secret: Callable[[], str],
        inbox: str = "INBOX",
        sent_folder: str = "Sent",
        deadline: float = 30.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        for server in (imap, smtp):
            _check(server)
        self._imap_server, self._smtp_server = imap, smtp
        self._sender, self._user, self._secret = sender, user, secret
        self._inbox, self._sent_folder = inbox, sent_folder
        self._deadline = deadline
        self._context = context or ssl.create_default_context()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="mailbox")
        self._imap: Any = None
        self._sent_known = ""
        self._copies: list[tuple[str, bytes]] = []

    async def fetch(self, after: str | None) -> list[tuple[str, bytes]]:
        """Return up to :data:`BATCH` mails of the inbox. See the port."""
        return await self._in_worker(lambda: self._fetch(after))

    async def sent(self, message_id: str) -> bool:
        """Return whether the folder of sent mails holds this Message-ID. See the port."""
        return await self._in_worker(lambda: self._is_sent(message_id))

    async def send(self, message: bytes, recipient: str) -> None:
        """Hand the mail to the SMTP server and keep a copy in the folder of sent mails. See the port.

        Where the copy cannot be kept now, it is kept with the next call: the mail *was* sent.
        """
        await self._in_worker(lambda: self._send(message, recipient))

    async def aclose(self) -> None:
        """Log out, within the deadline, and end the worker."""
        await self._in_worker(self._hang_up)
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _in_worker(self, task: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, task)

    # -- IMAP, in the worker ----------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        """Give a signed-in IMAP client; on trouble drop it and raise what the port promises."""
        try:
            if self._imap is None:
                self._imap = self._connect()
            yield self._imap
        except LoginError as error:
            self._drop()
            if isinstance(error.__context__, imaplib.IMAP4.abort):  # the link ended, nobody refused anything
                raise SourceDown("The IMAP server hung up during the login.", _HINT) from error
            raise SourceDenied("The IMAP server refused our login.", "Renew the mailbox's password.") from error
        except KeyringUnavailable as error:
            raise SourceDown(error.what, error.hint) from error
        except (imaplib.IMAP4.error, OSError, ValueError, LookupError, TypeError) as error:
            self._drop()  # a garbled answer may leave half a reply in the buffer
            raise SourceDown(f"The IMAP server failed ({_said(error)}).", _HINT) from error

    def _connect(self) -> Any:
        server = self._imap_server
        implicit = server.security == "tls"
        client = imapclient.IMAPClient(
            server.host,
            server.port,
            use_uid=True,
            ssl=implicit,
            ssl_context=self._context if implicit else None,
            timeout=imapclient.SocketTimeout(self._deadline, self._deadline),
        )
        try:
            # The client writes one command in several pieces; Nagle's algorithm would hold the last back for 40 ms.
            client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if server.security == "starttls":
                client.starttls(self._context)
            if self._user:
                client.login(self._user, self._secret())
        except BaseException:
            with suppress(OSError, imaplib.IMAP4.error):
                client.shutdown()
            raise
        return client

    def _drop(self) -> None:
        client, self._imap = self._imap, None
        if client is not None:
            with suppress(OSError, imaplib.IMAP4.error):
                client.shutdown()

    def _hang_up(self) -> None:
        client, self._imap = self._imap, None
        if client is not None:
            with suppress(OSError, imaplib.IMAP4.error):
                client.logout()

    def _fetch(self, after: str | None) -> list[tuple[str, bytes]]:
        with self._reading() as imap:
            try:
                self._keep_copies(imap)
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error:
                pass  # a full mailbox takes no copies, but what came in is read all the same
            validity = int(imap.select_folder(self._inbox, readonly=True)[b"UIDVALIDITY"])
            known = _CURSOR.match(after or "")
            last = int(known[2]) if known and int(known[1]) == validity else 0
            # `n:*` always names the last mail, even where its UID is below n (RFC 9051, 9: sequence-set).
            uids = sorted(uid for uid in imap.search(["UID", f"{last + 1}:*"]) if uid > last)[:BATCH]
            mails = ((uid, self._one(imap, uid)) for uid in uids)
            return [(f"{validity}:{uid}", raw) for uid, raw in mails if raw is not None]

    @staticmethod
    def _one(imap: Any, uid: int) -> bytes | None:
        """Return a mail, at most :data:`RAW_MAX` bytes and one; None when it was deleted meanwhile."""
        answer = imap.fetch([uid], [f"BODY.PEEK[]<0.{RAW_MAX + 1}>"]).get(uid, {})
        found = answer.get(b"BODY[]<0>", answer.get(b"BODY[]"))
        return None if found is None else bytes(found)

    def _is_sent(self, message_id: str) -> bool:
        if not is_message_id(message_id):
            return False
        if any(kept == message_id for kept, _ in self._copies):
            return True
        with self._reading() as imap:
            return self._listed(imap, message_id)

    def _listed(self, imap: Any, message_id: str) -> bool:
        imap.select_folder(self._sent(imap), readonly=True)
        return bool(imap.search(["HEADER", "Message-ID", message_id]))

    def _keep_copies(self, imap: Any) -> None:
        """APPEND what was sent, unless the server did so by itself (Gmail and Microsoft 365 do)."""
        while self._copies:
            message_id, message = self._copies[0]
            if not self._listed(imap, message_id):
                imap.append(self._sent(imap), message, flags=(b"\\Seen",))
            self._copies.pop(0)

    def _sent(self, imap: Any) -> str:
        """Return the folder of sent mails: as the settings say, as the server marks it, else a new one."""
        if not self._sent_known:
            name = self._sent_folder if imap.folder_exists(self._sent_folder) else imap.find_special_folder(b"\\Sent")
            if name is None:
                imap.create_folder(self._sent_folder)
            self._sent_known = str(name or self._sent_folder)
        return self._sent_known

    # -- SMTP, in the worker ----------------------------------------------------------------------

    def _send(self, message: bytes, recipient: str) -> None:
        message_id = headers.first(headers.split(memoryview(message))[0], "message-id")
        try:
            to = one_recipient(recipient)
        except Invalid as error:
            raise SourceDenied(error.what, error.hint) from error
        with self._ready_for_data(to) as smtp:
            _hand_over(smtp, message)
        self._copies = [*self._copies, (message_id, message)][-COPIES_MAX:]
        with suppress(SourceDown, SourceDenied), self._reading() as imap:
            self._keep_copies(imap)

    @contextmanager
    def _ready_for_data(self, recipient: str) -> Iterator[smtplib.SMTP]:
        """Give an SMTP connection that waits for DATA; whatever goes wrong before, nothing was handed over."""
        smtp: smtplib.SMTP | None = None
        try:
            try:
                smtp = self._dial()
                _agree(*smtp.mail(self._sender), "our address as the sender")
                _agree(*smtp.rcpt(recipient), "the recipient")
            except smtplib.SMTPAuthenticationError as error:
                raise SourceBusy("The SMTP server refused our login.", "Renew the mailbox's password.") from error
            except KeyringUnavailable as error:
                raise SourceBusy(error.what, error.hint) from error
            except (smtplib.SMTPException, OSError) as error:
                raise SourceBusy(f"The SMTP server cannot be used now ({_said(error)}).", _HINT) from error
            yield smtp
        finally:
            if smtp is not None:
                with suppress(smtplib.SMTPException, OSError):
                    smtp.quit()

    def _dial(self) -> smtplib.SMTP:
        server, seconds = self._smtp_server, self._deadline
        # The name in EHLO: ours would be looked up in the DNS and tells the recipient the host's name.
        smtp: smtplib.SMTP
        if server.security == "tls":
            smtp = smtplib.SMTP_SSL(server.host, server.port, "localhost", timeout=seconds, context=self._context)
        else:
            smtp = smtplib.SMTP(server.host, server.port, "localhost", timeout=seconds)
        try:
            if server.security == "starttls":
                smtp.starttls(context=self._context)
            smtp.ehlo_or_helo_if_needed()
            if self._user:
                smtp.login(self._user, self._secret())
        except BaseException:
            smtp.close()
            raise
        return smtp


def _check(server: Server) -> None:
    if server.security not in ("tls", "starttls", "none"):
        raise Invalid(
            f"The mail server's security {clean(server.security, 20)!r} is not known.", "tls, starttls or none."
        )
    if server.security == "none" and not _is_loopback(server.host):
        raise Invalid(
            f"Mail with {clean(server.host, 80)} would go over the network in the clear.", "Use tls or starttls."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _agree(code: int, words: bytes, what: str) -> None:
    """Raise unless the server's answer is a yes.

    Raises:
        SourceDenied: a permanent no (5yz, RFC 5321, 4.2.1).
        SourceBusy: anything else.
    """
    if 200 <= code < 300:
        return
    said = f"{code} {clean(words, 160)}"
    if 500 <= code < 600:
        raise SourceDenied(f"The mail server refused {what}: {said}", "Check the address; ask whoever runs the server.")
    raise SourceBusy(f"The mail server does not take mail for {what} now: {said}", _HINT)


def _hand_over(smtp: smtplib.SMTP, message: bytes) -> None:
    """Send DATA and the mail.

    A no to DATA itself, and a permanent no after it, are certain. Everything else from the first byte of
    the mail on is not: also a 4yz, because a filter between us and the queue answers that when it lost
    the answer of the server behind it.
    """
    try:
        code, words = smtp.data(message)
    except smtplib.SMTPDataError as error:
        said = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
        _agree(error.smtp_code, said, "the mail")
        raise SourceBusy("The mail server did not want the mail's text.", _HINT) from error
    except (smtplib.SMTPException, OSError) as error:
        raise SendUnknown(
            f"The link ended while the mail was handed over ({_said(error)}); it may have gone out.",
            "Ask the client, or look into the server's log, before you send it again.",
        ) from error
    if not (200 <= code < 300 or 500 <= code < 600):
        raise SendUnknown(
            f"The mail server answered {code} {clean(words, 160)} after it had the mail; it may have gone out.",
            "Look into the server's log before you send it again.",
        )
    _agree(code, words, "the mail")


def _said(error: BaseException) -> str:
    return clean(str(error) or type(error).__name__, 120)
