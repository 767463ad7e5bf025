"""Small SMTP and IMAP servers on loopback that misbehave on request."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import re
import ssl
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DROP = "drop"


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return TLS contexts of a server on 127.0.0.1 and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + cert.public_bytes(serialization.Encoding.PEM)
    path.write_bytes(pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


class _Server:
    """A line server. `says` maps a command to the answer it gets instead of the usual one, or to DROP."""

    def __init__(self, tls: ssl.SSLContext | None = None, implicit: bool = False) -> None:
        self.tls, self.implicit = tls, implicit
        self.says: dict[str, str] = {}
        self.heard: list[str] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(
            self._handle, "127.0.0.1", 0, ssl=self.tls if self.implicit else None, limit=2**22
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self.talk(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    async def _secure(self, writer: asyncio.StreamWriter) -> None:
        assert self.tls
        await writer.start_tls(self.tls)


class SmtpServer(_Server):
    """Keeps what it took as (sender, recipients, bytes)."""

    def __init__(self, tls: ssl.SSLContext | None = None, implicit: bool = False) -> None:
        super().__init__(tls, implicit)
        self.taken: list[tuple[str, list[str], bytes]] = []
        self.secure_logins: list[bool] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secure = self.implicit
        sender, recipients = "", []
        writer.write(self.says.get("greeting", "220 hello").encode() + b"\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.split()[0].upper()
            self.heard.append(verb)
            answer = self.says.get(verb, "250 ok")
            if answer == DROP:
                return
            if verb == "EHLO":
                extra = "" if secure or not self.tls else "250-STARTTLS\r\n"
                answer = self.says.get(verb, f"250-hello\r\n{extra}250 AUTH PLAIN")
            elif verb == "AUTH":
                self.secure_logins.append(secure)
                answer = self.says.get(verb, "235 welcome")
            elif verb == "STARTTLS" and verb not in self.says:
                writer.write(b"220 go\r\n")
                await self._secure(writer)
                secure = True
                continue
            elif verb == "MAIL":
                sender = line.partition("<")[2].partition(">")[0]
            elif verb == "RCPT" and answer.startswith("2"):
                recipients.append(line.partition("<")[2].partition(">")[0])
            elif verb == "DATA" and verb not in self.says:
                if not await self._data(reader, writer, sender, recipients):
                    return
                continue
            elif verb == "QUIT":
                answer = "221 bye"
            writer.write(answer.encode() + b"\r\n")
            if verb == "QUIT":
                return

    async def _data(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sender: str, recipients: list[str]
    ) -> bool:
        writer.write(b"354 go\r\n")
        if self.says.get("body") == DROP:
            await reader.readline()
            return False
        text = await reader.readuntil(b"\r\n.\r\n")
        body = re.sub(rb"(?m)^\.\.", b".", text[:-3])
        answer = self.says.get("end", "250 queued")
        if answer.startswith("2") or answer == DROP:
            self.taken.append((sender, list(recipients), body))
        if answer == DROP:
            return False
        writer.write(answer.encode() + b"\r\n")
        return True


class ImapServer(_Server):
    """Two folders of (uid, bytes)."""

    def __init__(self, tls: ssl.SSLContext | None = None, implicit: bool = False) -> None:
        super().__init__(tls, implicit)
        self.validity = 7
        self.folders: dict[str, list[tuple[int, bytes]]] = {"INBOX": [], "Sent": []}
        self.flags: dict[str, str] = {}
        self._chosen = "INBOX"

    def add(self, folder: str, raw: bytes) -> None:
        mails = self.folders[folder]
        mails.append((mails[-1][0] + 1 if mails else 1, raw))

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.says.get("greeting", "* OK hello").encode() + b"\r\n")
        while line := (await reader.readline()).decode().strip():
            tag, _, command = line.partition(" ")
            verb = command.upper().removeprefix("UID ").split()[0]
            self.heard.append(verb)
            special = self.says.get(verb)
            if special == DROP:
                return
            if special is not None:
                writer.write(special.replace("TAG", tag).encode() + b"\r\n")
                continue
            if verb == "STARTTLS":
                writer.write(f"{tag} OK go\r\n".encode())
                await self._secure(writer)
                continue
            if verb == "APPEND":
                await self._append(command, reader, writer)
            else:
                writer.write(self._answer(verb, command))
            writer.write(f"{tag} OK done\r\n".encode())
            if verb == "LOGOUT":
                return

    def _answer(self, verb: str, command: str) -> bytes:
        mails = self.folders[self._chosen]
        if verb == "CAPABILITY":
            return b"* CAPABILITY IMAP4rev1 " + (b"STARTTLS\r\n" if self.tls else b"\r\n")
        if verb in ("SELECT", "EXAMINE"):
            self._chosen = command.split()[1].strip('"')
            count = len(self.folders[self._chosen])
            return f"* {count} EXISTS\r\n* OK [UIDVALIDITY {self.validity}] x\r\n".encode()
        if verb == "LIST":
            wanted = command.split()[-1].strip('"')
            names = [name for name in self.folders if wanted in (name, "*")]
            return b"".join(f'* LIST ({self.flags.get(name, "")}) "/" "{name}"\r\n'.encode() for name in names)
        if verb == "CREATE":
            self.folders[command.split()[1].strip('"')] = []
        if verb == "SEARCH":
            return f"* SEARCH {' '.join(map(str, self._search(command)))}\r\n".encode()
        if verb == "FETCH":
            uid = int(command.split()[2])
            for number, (known, raw) in enumerate(mails, 1):
                if known == uid:
                    return f"* {number} FETCH (UID {uid} BODY[]<0> {{{len(raw)}}}\r\n".encode() + raw + b")\r\n"
        return b""

    def _search(self, command: str) -> list[int]:
        mails = self.folders[self._chosen]
        header = re.search(r'HEADER "?Message-ID"? "?(<[^"\s]+>)"?', command, re.IGNORECASE)
        if header:
            wanted = f"Message-ID: {header[1]}".encode()
            return [uid for uid, raw in mails if wanted in raw]
        start = int(re.search(r"UID (\d+):\*", command.removeprefix("UID ").replace("SEARCH", ""))[1])  # type: ignore[index]
        # As the standard wants it: the last mail is named even where its UID is below the start.
        return [uid for uid, _ in mails if uid >= start or uid == mails[-1][0]]

    async def _append(self, command: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int(re.search(r"\{(\d+)\}", command)[1])  # type: ignore[index]
        writer.write(b"+ go\r\n")
        raw = await reader.readexactly(size)
        await reader.readline()
        self.add(command.split()[1].strip('"'), raw)
