"""A software security key: a process of its own that signs only when it is touched. Demo and tests only.

``python -m workstation.sandbox.softkey DIR SOCKETS [PARENT]`` keeps its credentials in ``DIR/key.json`` and serves
CTAP2 over the socket ``SOCKETS/key.sock`` (0600). A request is ``C`` + length + CBOR; it is answered by any number of
``K`` + status bytes (keep-alives: the key waits for a touch) and one ``R`` + length + answer. ``T`` is a touch
and is answered with ``1`` when a request was waiting for it. Closing the connection cancels the request.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import select
import socket
import socketserver
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.ctap import STATUS, CtapDevice, CtapError
from fido2.hid import CAPABILITY
from fido2.webauthn import Aaguid, AttestedCredentialData, AuthenticatorData

from workstation.services.daemon import die_with_parent

ERR = CtapError.ERR
AAGUID = Aaguid(b"ws-demo-softkey!")
#: CTAP 2.1 6.5.1: an authenticator gives up on a touch after 30 s.
TOUCH_S = 30.0


class SoftKey:
    """The authenticator itself: user verification built in, credentials kept in a file.

    Args:
        path: where credentials and the signature counter are kept (0600).
        wait_touch: returns True when touched, False when time ran out, None when cancelled.
    """

    def __init__(self, path: Path, wait_touch: Callable[[], bool | None]) -> None:
        self._path = path
        self._wait_touch = wait_touch
        self._state: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"count": 0, "credentials": {}}

    def enrol(self, rp_id: str) -> bytes:
        """Make a credential without a touch (set-up of the demo) and return its attested credential data."""
        credential = AttestedCredentialData(self._make(rp_id))
        self._save()
        return bytes(credential)

    def _make(self, rp_id: str) -> bytes:
        key = ec.generate_private_key(ec.SECP256R1())
        credential = os.urandom(32)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self._state["credentials"][base64.b64encode(credential).decode()] = {"rp_id": rp_id, "key": pem}
        public = ES256.from_cryptography_key(key.public_key())  # type: ignore[no-untyped-call]
        return bytes(AttestedCredentialData.create(AAGUID, credential, public))

    def call(self, data: bytes) -> bytes:
        """Answer one CTAP2 request (command byte and CBOR) with status byte and CBOR."""
        try:
            arguments = cbor.decode(data[1:]) if len(data) > 1 else {}
            if data[0] == 0x04:
                return b"\0" + cbor.encode(self._info())
            if data[0] == 0x02 and isinstance(arguments, dict):
                return b"\0" + cbor.encode(self._assertion(arguments))
            if data[0] == 0x01 and isinstance(arguments, dict):
                return b"\0" + cbor.encode(self._creation(arguments))
            return bytes([ERR.INVALID_COMMAND])
        except CtapError as error:
            return bytes([error.code])

    @staticmethod
    def _info() -> dict[int, Any]:
        options = {"rk": True, "up": True, "plat": False, "uv": True}
        # 6: a PIN protocol is named although no PIN is used: the client refuses a key without any
        return {1: ["FIDO_2_0"], 2: [], 3: bytes(AAGUID), 4: options, 5: 1200, 6: [1]}

    def _creation(self, arguments: dict[Any, Any]) -> dict[int, Any]:
        """Make a credential when touched: CTAP 2.1, 6.1, with built-in user verification and no attestation."""
        rp_id = arguments[2]["id"]
        mine = self._state["credentials"]
        if any(base64.b64encode(c["id"]).decode() in mine for c in arguments.get(5, [])):
            raise CtapError(ERR.CREDENTIAL_EXCLUDED)
        touched = self._wait_touch()
        if touched is not True:
            raise CtapError(ERR.USER_ACTION_TIMEOUT if touched is False else ERR.KEEPALIVE_CANCEL)
        flag = AuthenticatorData.FLAG
        flags = flag.UP | flag.AT | (flag.UV if arguments.get(7, {}).get("uv") else flag(0))
        self._state["count"] += 1
        head = struct.pack(">BI", int(flags), self._state["count"])
        data = hashlib.sha256(rp_id.encode()).digest() + head + self._make(rp_id)
        self._save()
        return {1: "none", 2: data, 3: {}}

    def _assertion(self, arguments: dict[Any, Any]) -> dict[int, Any]:
        rp_id = arguments[1]
        wanted = [base64.b64encode(c["id"]).decode() for c in arguments.get(3, [])]
        found = next((w for w in wanted if self._state["credentials"].get(w, {}).get("rp_id") == rp_id), None)
        if found is None:
            raise CtapError(ERR.NO_CREDENTIALS)
        options = arguments.get(5, {})
        flags = AuthenticatorData.FLAG(0)
        if options.get("up", True):
            touched = self._wait_touch()
            if touched is not True:
                raise CtapError(ERR.USER_ACTION_TIMEOUT if touched is False else ERR.KEEPALIVE_CANCEL)
            flags = (
                AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV
                if options.get("uv")
                else AuthenticatorData.FLAG.UP
            )
            self._state["count"] += 1
            self._save()
        data = hashlib.sha256(rp_id.encode()).digest() + struct.pack(">BI", int(flags), self._state["count"])
        key = serialization.load_pem_private_key(self._state["credentials"][found]["key"].encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        signature = key.sign(data + arguments[2], ec.ECDSA(hashes.SHA256()))
        return {1: {"id": base64.b64decode(found), "type": "public-key"}, 2: data, 3: signature}

    def _save(self) -> None:
        beside = self._path.with_suffix(".new")
        beside.touch(mode=0o600)
        beside.write_text(json.dumps(self._state))
        beside.rename(self._path)


class SocketKey(CtapDevice):
    """The key as python-fido2's client sees it, at the other end of the socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def capabilities(self) -> int:
        """What CTAPHID would announce: CBOR."""
        return int(CAPABILITY.CBOR)

    def call(
        self,
        cmd: int,
        data: bytes = b"",
        event: threading.Event | None = None,
        on_keepalive: Callable[[STATUS], None] | None = None,
    ) -> bytes:
        """Send a request and wait for its answer; `event` cancels."""
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(str(self._path))
            channel.sendall(b"C" + struct.pack(">I", len(data)) + data)
            while True:
                if event is not None and event.is_set():
                    raise CtapError(ERR.KEEPALIVE_CANCEL)
                if not select.select([channel], [], [], 0.05)[0]:
                    continue
                kind = channel.recv(1)
                if kind == b"K":
                    status = channel.recv(1)
                    if on_keepalive:
                        on_keepalive(STATUS(status[0]))
                elif kind == b"R":
                    return _exactly(channel, struct.unpack(">I", _exactly(channel, 4))[0])
                else:
                    raise OSError("the software key went away")

    @classmethod
    def list_devices(cls) -> Iterator[SocketKey]:
        """Return nothing: a software key is named by its socket."""
        return iter(())

    def close(self) -> None:
        """Nothing is held between calls."""


def touch(path: Path) -> bool:
    """Touch the key at `path`; return whether it was waiting for it."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(str(path))
        channel.sendall(b"T")
        return channel.recv(1) == b"1"


def _exactly(channel: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = channel.recv(count - len(data))
        if not more:
            raise OSError("the software key went away")
        data += more
    return data


class _Touch:
    """Lets one waiting request go for each touch."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._waiting: list[Callable[[], bool]] = []
        self._given = 0

    def give(self) -> bool:
        with self._condition:
            if not any(alive() for alive in self._waiting):
                return False
            self._given += 1
            self._condition.notify_all()
            return True

    def wait(self, alive: Callable[[], bool]) -> bool | None:
        with self._condition:
            self._waiting.append(alive)
            try:
                for _ in range(int(TOUCH_S / 0.1)):
                    if self._given:
                        self._given -= 1
                        return True
                    if not alive():
                        return None
                    self._condition.wait(0.1)
                return False
            finally:
                self._waiting.remove(alive)
                if not self._waiting:
                    self._given = 0


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        kind = self.request.recv(1)
        if kind == b"T":
            self.request.sendall(b"1" if self.server.touches.give() else b"0")
        elif kind == b"C":
            length = struct.unpack(">I", _exactly(self.request, 4))[0]
            if length > 65_536:
                return
            answer = SoftKey(self.server.directory / "key.json", self._wait).call(_exactly(self.request, length))
            self.request.sendall(b"R" + struct.pack(">I", len(answer)) + answer)

    def _wait(self) -> bool | None:
        self.request.sendall(b"K" + bytes([STATUS.UPNEEDED]))
        return self.server.touches.wait(self._alive)

    def _alive(self) -> bool:
        readable = select.select([self.request], [], [], 0)[0]
        return not readable or bool(self.request.recv(1, socket.MSG_PEEK))


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, directory: Path, sockets: Path) -> None:
        self.directory = directory
        self.touches = _Touch()
        path = sockets / "key.sock"
        path.unlink(missing_ok=True)
        old = os.umask(0o177)
        try:
            super().__init__(str(path), _Handler)
        finally:
            os.umask(old)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away while the key waits is a cancelled request, not a fault."""


def main() -> None:
    """Serve the key in the directories that the command line names, until the parent ends."""
    die_with_parent(int(sys.argv[3]) if len(sys.argv) > 3 else None)
    with _Server(Path(sys.argv[1]), Path(sys.argv[2])) as server:
        server.serve_forever(poll_interval=0.2)


if __name__ == "__main__":
    main()
