"""A witness: co-signs checkpoints that go on from the last one that it saw, and nothing else (C2SP tlog-witness).

It needs no account anywhere and sees no record: a size, a root and a proof. Run it where neither the store's superuser
nor the notary's administrator has a say; any other witness that speaks the protocol does as well.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import socket
import socketserver
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import NamedTuple

from workstation.services.audit import disk
from workstation.services.audit.merkle import Tree, verify_consistency
from workstation.services.audit.notes import Signer
from workstation.services.audit.offline import Key, Refuted, open_note, tree_head
from workstation.services.clock import Clock
from workstation.services.daemon import Log
from workstation.services.errors import Invalid

#: Lines of a proof (tlog-witness: a client sends no more), and bytes of a request: those lines and a note.
PROOF_MAX, BODY_MAX = 63, 64 * 1024
#: Seconds that a client may take over a line.
CLIENT_S = 5.0
_PLAIN, _SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"


class Answer(NamedTuple):
    """What the witness says over HTTP."""

    status: int
    body: str
    kind: str = _PLAIN


class Witness:
    """Judges checkpoints, one at a time.

    Args:
        signer: its name and key.
        logs: verifier keys of the logs; a log's origin is its key's name.
        directory: its own; keeps the last checkpoint of each log.
        clock: dates the signatures.
        log: called with a word and fields.

    Raises:
        Invalid: another witness works with the directory.
        OSError: the disk says no.
    """

    def __init__(self, signer: Signer, logs: Sequence[Key], directory: Path, clock: Clock, log: Log) -> None:
        self._signer, self._logs, self._clock, self._log = signer, logs, clock, log
        self._directory = disk.private(directory)
        self._held = disk.lock(directory / "lock", "witness")
        self._one = threading.Lock()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer ``POST add-checkpoint``: 200 with signature lines, or why not, by the statuses of the protocol."""
        try:
            old, proof, note = _request(body)
            origin, size, _ = tree_head(note.rpartition("\n\n")[0] + "\n")
        except (Refuted, UnicodeDecodeError) as error:
            return Answer(400, f"{error}\n")
        if not any(key.name == origin for key in self._logs):
            return Answer(404, "this log is not known here\n")
        try:
            text, signed = open_note(note, [key for key in self._logs if key.name == origin], size)
        except Refuted as error:
            return Answer(403, f"{error}\n")
        if old > size:
            return Answer(400, "the old size is larger than the new one\n")
        with self._one:
            # Kept without what somebody else may have written under it, in our name for one.
            return self._judge(text, text + "\n" + _lines_of(signed, note), old, proof)

    def _judge(self, text: str, note: str, old: int, proof: list[bytes]) -> Answer:
        origin, size, root = tree_head(text)
        seen, seen_root = self._seen(origin)
        if old != seen:
            return Answer(409, f"{seen}\n", _SIZE)
        try:
            if size == 0 and root != Tree().root():
                raise Refuted("an empty tree has another root")
            verify_consistency(old, size, seen_root, root, proof)
        except Refuted as error:
            self._log("fork", origin=origin, old=old, size=size, why=str(error), note=note)
            return Answer(422, f"{error}\n")
        line = self._signer.cosign(text, self._clock.now())
        # On the disk before it is said: after a crash, nothing smaller is ever signed.
        disk.replace(self._path(origin), (note + line).encode())
        self._log("cosigned", origin=origin, size=size)
        return Answer(200, line)

    def latest(self, origin_hash: str) -> Answer:
        """Answer ``GET <origin hash>/checkpoint``: the last checkpoint that was co-signed, with its signatures."""
        for origin in {key.name for key in self._logs}:
            if hashlib.sha256(origin.encode()).hexdigest() == origin_hash and self._path(origin).exists():
                return Answer(200, self._path(origin).read_text("utf-8"))
        return Answer(404, "nothing was co-signed for this log\n")

    def close(self) -> None:
        """Let go of the directory."""
        self._held.close()

    def _path(self, origin: str) -> Path:
        return self._directory / f"{hashlib.sha256(origin.encode()).hexdigest()}.checkpoint"

    def _seen(self, origin: str) -> tuple[int, bytes]:
        try:
            note = self._path(origin).read_text("utf-8")
        except FileNotFoundError:
            return 0, Tree().root()
        text, _ = open_note(note, [self._signer.key])
        _, size, root = tree_head(text)
        return size, root


def _lines_of(keys: Sequence[Key], note: str) -> str:
    """Return the signature lines of these keys, whose signatures are right; one for each."""
    lines = {
        key: line
        for key in keys
        for line in note.rpartition("\n\n")[2].splitlines()
        if line.startswith(f"\u2014 {key.name} ") and base64.b64decode(line.split(" ")[2])[:4] == key.id
    }
    return "".join(line + "\n" for line in lines.values())


def _request(body: bytes) -> tuple[int, list[bytes], str]:
    """Read a request: old size, proof, note. Raises Refuted, UnicodeDecodeError."""
    head, gap, note = body.decode().partition("\n\n")
    first, *lines = head.split("\n")
    found = re.fullmatch(r"old (0|[1-9][0-9]{0,17})", first)
    if not found or not gap or len(lines) > PROOF_MAX:
        raise Refuted("this is no add-checkpoint request")
    try:
        proof = [base64.b64decode(line, validate=True) for line in lines]
    except binascii.Error as error:
        raise Refuted("a line of the proof is malformed") from error
    if any(len(step) != 32 for step in proof):
        raise Refuted("a line of the proof is no hash")
    return int(found[1]), proof, note


class _Handler(BaseHTTPRequestHandler):
    """HTTP around a witness. TLS, where it is needed, is a proxy's: what is said here is signed, and no secret."""

    protocol_version = "HTTP/1.1"
    timeout = CLIENT_S
    server_version, sys_version = "witness", ""
    server: _Server

    def do_POST(self) -> None:
        """Take a checkpoint."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_MAX:
            self.close_connection = True
            self._say(Answer(413, "too much, or nobody knows how much\n"))
        elif not self.path.endswith("/add-checkpoint"):
            self.close_connection = True
            self._say(Answer(404, "there is add-checkpoint, and nothing else\n"))
        else:
            self._say(self.server.witness.add_checkpoint(self.rfile.read(int(length))))

    def do_GET(self) -> None:
        """Show the last checkpoint of a log."""
        found = re.search(r"/([0-9a-f]{64})/checkpoint$", self.path)
        self._say(self.server.witness.latest(found[1]) if found else Answer(404, "there is no such page\n"))

    def _say(self, answer: Answer) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            # What was not read is in the way of the next request: nobody should send one here (RFC 9112, 9.6).
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        """Return who asks; over a socket of this machine there is no address."""
        return str(self.client_address[0]) if self.client_address else "here"

    def log_message(self, *args: object) -> None:
        """Say nothing: the witness logs what it judged."""


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    witness: Witness


class _SocketServer(_Server):
    address_family = socket.AF_UNIX


def server(witness: Witness, listen: str) -> _Server:
    """Return an HTTP server around a witness that listens already; run it by ``serve_forever``.

    Args:
        witness: judges.
        listen: ``host:port`` (port 0: any), or ``unix:/path``; a socket that was left there is removed.

    Raises:
        Invalid: `listen` is no such address.
        OSError: it is taken.
    """
    made: _Server
    if listen.startswith("unix:"):
        path = Path(listen.removeprefix("unix:"))
        path.unlink(missing_ok=True)
        made = _SocketServer(str(path), _Handler)  # type: ignore[arg-type]
    else:
        host, _, port = listen.rpartition(":")
        if not host or not port.isdecimal():
            raise Invalid(f"“{ascii(listen)[1:-1]}” is no address to listen at.", "Write host:port or unix:/path.")
        made = _Server((host, int(port)), _Handler)
    made.witness = witness
    return made
