"""Signing in at the identity provider in the person's own browser, for one challenge (RFC 8252, RFC 7636, RFC 9470).

The browser comes back to an address of this machine that listens for this one answer and is gone afterwards. What it
brings is a code; the ID token behind it goes to the broker, which alone says what it is worth.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import secrets
import subprocess
import sys
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

from workstation.services.acts.idtoken import nonce_of
from workstation.services.connectors.identity.openid import OpenIdProvider
from workstation.services.errors import StepUpFailed
from workstation.services.text import clean

#: Seconds until the challenge runs out in the store.
WAIT_S = 175.0
#: Bytes of a request's head that are read; a code has some hundred.
_HEAD_MAX = 16 * 1024
_PAGE = (
    b"HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\nCache-Control: no-store\r\n"
    b"Content-Security-Policy: default-src 'none'\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n%s"
)

Browse = Callable[[str], object]


def open_page(url: str) -> bool:
    """Open an address in the desktop's browser; False where there is no desktop.

    Not the standard library's way: on a terminal it starts a text browser in the very terminal that we draw on.
    """
    if sys.platform == "linux":
        command = "xdg-open" if os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") else ""
    else:
        command = {"darwin": "open", "win32": "explorer"}.get(sys.platform, "")
    if not command:
        return False
    quiet = subprocess.DEVNULL
    try:
        subprocess.Popen([command, url], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    except OSError:
        return False
    return True


class BrowserSignIn:
    """Brings ID tokens.

    Args:
        provider: where people sign in.
        acr: the levels to ask for, the wanted one first.
        browse: opens an address in the person's browser.
    """

    def __init__(self, provider: OpenIdProvider, acr: tuple[str, ...], browse: Browse = open_page) -> None:
        self._provider = provider
        self._acr = acr
        self._browse = browse
        #: the address that waits to be opened, for a person whose browser did not open by itself; empty when none does
        self.page = ""

    async def id_token(self, challenge: bytes) -> str:
        """Return an ID token whose nonce is `challenge`; waits for the person, three minutes at most.

        Raises:
            StepUpFailed: nobody came back in time, or the provider refused; with its words.
            SourceError: the provider cannot be reached.
        """
        metadata = await self._provider.metadata()
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        answer: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        server = await asyncio.start_server(_listener(state, answer), "127.0.0.1", 0, limit=_HEAD_MAX)
        try:
            back = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/cb"
            self.page = _address(metadata.authorization_endpoint, self._question(challenge, state, verifier, back))
            await asyncio.to_thread(self._browse, self.page)
            said = await asyncio.wait_for(answer, WAIT_S)
        except TimeoutError as error:
            raise StepUpFailed("Nobody came back from the identity provider.", "Try again.") from error
        finally:
            self.page = ""
            server.close()
            await server.wait_closed()
        if "code" not in said:
            words = clean(said.get("error_description") or said.get("error", "no reason"), 200)
            raise StepUpFailed(f"The identity provider refused: {words}.", "Try again, or use another method.")
        # RFC 9207: an answer of another provider is not ours, whatever it says.
        if said.get("iss", self._provider.issuer) != self._provider.issuer:
            raise StepUpFailed("The answer came from another identity provider.", "Tell your lead.")
        return await self._provider.exchange(said["code"], back, verifier)

    def _question(self, challenge: bytes, state: str, verifier: str, back: str) -> dict[str, str]:
        digest = hashlib.sha256(verifier.encode()).digest()
        return {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": back,
            "scope": "openid",
            "state": state,
            "nonce": nonce_of(challenge),
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "acr_values": " ".join(self._acr),
            # A sign-in of this very moment: a session that lies open in the browser proves nothing (RFC 9470, 3).
            "max_age": "0",
        }


def _address(endpoint: str, question: dict[str, str]) -> str:
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(question)}"


def _listener(
    state: str, answer: asyncio.Future[dict[str, str]]
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Return what answers the browser; only a request that carries `state` counts, and only the first."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(10.0):
                head = await reader.readuntil(b"\r\n\r\n")
                said = _said(head)
                ours = hmac.compare_digest(said.get("state", "").encode(), state.encode())
                if ours and not answer.done():
                    answer.set_result(said)
                words = b"You can close this page and go back to the workstation." if ours else b"Nothing waits here."
                page = b"<!doctype html><title>workstation</title><p>" + words
                writer.write(_PAGE % (b"200 OK" if ours else b"404 Not Found", len(page), page))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            # Whoever it was did not speak like a browser: the page still waits for the one that does.
            return
        finally:
            writer.close()

    return serve


def _said(head: bytes) -> dict[str, str]:
    parts = head.split(b"\r\n", 1)[0].decode("ascii", "replace").split(" ")
    if len(parts) != 3 or parts[0] != "GET":
        return {}
    target = urlsplit(parts[1])
    return dict(parse_qsl(target.query)) if target.path == "/cb" else {}
