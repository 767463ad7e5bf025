"""The reader's process: a private socket or TLS, one ASGI application, the store's gate, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from workstation.services.errors import Invalid
from workstation.settings import ReaderSettings

UNIX = "unix:"
#: Seconds that open answers have at the end; a stream that is cut is read again from its last page.
GRACE_S = 3
#: Requests at once; everything above is told to come again (503).
AT_ONCE = 200


class _Peer(H11Protocol):
    """Knows who sits at the other end of a unix socket (SO_PEERCRED, unix(7)): that cannot be made up."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        opened = transport.get_extra_info("socket")
        if opened is not None and opened.family == socket.AF_UNIX:
            self.client = (_credentials(opened), 0)


def _credentials(opened: Any) -> str:
    if not hasattr(socket, "SO_PEERCRED"):
        return "local"
    _, uid, _ = struct.unpack("3i", opened.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return f"uid {uid}"


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handlers: it would end the process by the signal again."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listener(chosen: ReaderSettings) -> socket.socket:
    """Return the socket to listen on: private to this account (0600), or to a group (0660); else TLS at `listen`.

    Raises:
        Invalid: the settings name no place, or one that cannot be had.
    """
    try:
        if chosen.listen:
            if not (chosen.cert_file and chosen.key_file):
                raise Invalid("The reader listens on a network without TLS.", "Name cert_file and key_file.")
            host, _, port = chosen.listen.rpartition(":")
            return socket.create_server((host.strip("[]"), int(port)), family=_family(host), backlog=256)
        if chosen.url.startswith(UNIX):
            return _private(Path(chosen.url.removeprefix(UNIX)), chosen.group)
    except (OSError, ValueError, LookupError) as error:
        raise Invalid(f"The reader cannot listen: {error}.", "Correct [reader] in the settings.") from error
    raise Invalid("The settings do not say where the reader listens.", "Add [reader] with url, or listen.")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _private(path: Path, group: str) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        with socket.socket(socket.AF_UNIX) as other:
            if other.connect_ex(str(path)) == 0:
                raise OSError(f"another reader listens at {path}")
        path.unlink()
    made = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        made.bind(str(path))
    finally:
        os.umask(before)
    if group:
        shutil.chown(path, group=group)
        path.chmod(0o660)
    made.listen(256)
    return made


async def serve(app: Starlette, opened: socket.socket, chosen: ReaderSettings, stop: asyncio.Event) -> None:
    """Serve until `stop`. Raises Invalid for a certificate that cannot be used."""
    tls: dict[str, Any] = {}
    if opened.family != socket.AF_UNIX:
        tls = {"ssl_certfile": chosen.cert_file, "ssl_keyfile": chosen.key_file}
    config = uvicorn.Config(
        app,
        http=_Peer,
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        ws="none",
        limit_concurrency=AT_ONCE,
        timeout_graceful_shutdown=GRACE_S,
        **tls,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise Invalid(
            f"The reader's certificate cannot be used: {error}.", "Correct cert_file and key_file."
        ) from error
    server = _Server(config)
    serving = asyncio.ensure_future(server.serve(sockets=[opened]))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
    finally:
        stopping.cancel()


def tidy(chosen: ReaderSettings) -> None:
    """Take the socket's name away, so that nobody waits at it."""
    if not chosen.listen and chosen.url.startswith(UNIX):
        Path(chosen.url.removeprefix(UNIX)).unlink(missing_ok=True)
