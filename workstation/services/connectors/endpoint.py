"""Where an outside system is, and what of its address is refused."""

from __future__ import annotations

import ipaddress
import ssl
from urllib.parse import quote

import certifi
import httpx
import msgspec

from workstation.services.errors import Invalid
from workstation.services.text import clean


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a system is.

    ``name`` is how people know it ("account API"). ``url`` is its base, a path may follow the host.
    ``ca_file`` replaces the machine's and Mozilla's certificate authorities by those of one PEM file.
    """

    name: str
    url: str
    ca_file: str | None = None


def route(*segments: str) -> str:
    """Return a path of percent-encoded `segments`; an id can never become another path.

    Raises:
        Invalid: a segment is empty or a step up (``.``, ``..``).
    """
    for segment in segments:
        if segment in ("", ".", ".."):
            raise Invalid(f"“{clean(segment)}” is not an id.", "Check what was typed.")
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


def checked_base(endpoint: Endpoint) -> str:
    """Return the base address without a trailing slash.

    Raises:
        Invalid: it is no http(s) address, holds a credential or a query, or lacks TLS off this machine.
    """
    try:
        url = httpx.URL(endpoint.url)
    except httpx.InvalidURL as error:
        raise Invalid(f"The address of {endpoint.name} cannot be read.", "Correct it in the settings.") from error
    if url.scheme not in ("http", "https") or not url.host or any(map(str.isspace, endpoint.url)):
        raise Invalid(f"The address of {endpoint.name} is not an https address.", "Correct it in the settings.")
    if url.userinfo or url.query or url.fragment:
        raise Invalid(
            f"The address of {endpoint.name} holds more than host and path.", "A credential belongs into the keyring."
        )
    if url.scheme == "http" and not is_loopback(url.host):
        raise Invalid(
            f"The address of {endpoint.name} has no TLS: the credential would travel in the open.", "Use https."
        )
    return str(url).rstrip("/")


def is_loopback(host: str) -> bool:
    """Return whether `host` is this machine by its name or number (RFC 6761, 6.3; RFC 5735)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def tls(ca_file: str | None, base: str) -> ssl.SSLContext:
    """Return what to trust; takes about 50 ms for an https address, so call it in a thread.

    Raises:
        OSError: `ca_file` cannot be read.
    """
    if base.startswith("http:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = ssl.create_default_context(cafile=ca_file)
    if ca_file is None:
        context.load_verify_locations(certifi.where())
    return context
