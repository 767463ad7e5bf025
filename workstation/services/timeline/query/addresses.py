"""IP addresses and networks of them, as bytes that compare: 4 of IPv4, 16 of IPv6.

An IPv4 address written as IPv6 (``::ffff:10.0.0.1``, RFC 4291 2.5.5.2) is the IPv4 address.
"""

from __future__ import annotations

import functools
import ipaddress
import socket

_MAPPED = bytes(10) + b"\xff\xff"


def packed(text: str) -> bytes | None:
    """Return the bytes of an address; None where `text` is none. A zone (``%eth0``) makes it none."""
    try:
        if ":" not in text:
            return socket.inet_pton(socket.AF_INET, text)
        found = socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        return None
    return found[12:] if found.startswith(_MAPPED) else found


def network(text: str) -> str | None:
    """Return a network in its shortest form (``10.1.2.3/8`` is ``10.0.0.0/8``); None where `text` is none."""
    if "%" in text or "/" not in text:
        return None
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    first = found.network_address.packed
    if first.startswith(_MAPPED) and found.prefixlen >= 96:
        return f"{ipaddress.IPv4Address(first[12:])}/{found.prefixlen - 96}"
    return str(found)


@functools.lru_cache(maxsize=1024)
def ends(text: str) -> tuple[bytes, bytes]:
    """Return the first and the last address of a network that :func:`network` gave."""
    found = ipaddress.ip_network(text)
    return found.network_address.packed, found.broadcast_address.packed


def as_ipv6(text: str) -> str | None:
    """Return the IPv6 network that maps an IPv4 one, as :func:`network` gave it; None for an IPv6 one."""
    found = ipaddress.ip_network(text)
    if found.version == 6:
        return None
    return str(ipaddress.IPv6Network((_MAPPED + found.network_address.packed, 96 + found.prefixlen)))


def spelled(address: bytes) -> str:
    """Return an address in its usual spelling (RFC 5952 for IPv6)."""
    return str(ipaddress.ip_address(address))
