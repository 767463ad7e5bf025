"""What travels between a workstation and its loader: messages in msgpack, each behind its length.

The loader is a process of this machine under the same user. It is given credentials and clients' data over a pipe,
never by its arguments, its environment or a file.
"""

from __future__ import annotations

import struct
from typing import Protocol

import msgspec

from workstation.services.timeline.source import Gap
from workstation.services.views import Mark, SourceLine

#: The longest message: a block of ten thousand events of a few KB each, packed.
MESSAGE_MAX = 256 * 1024 * 1024
_LENGTH = struct.Struct("<I")


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Read this account.

    ``settings`` is the settings file as JSON; ``tokens`` are read credentials by name; ``sources`` names what is
    read, in order. Where `settings` names a reader, there are no tokens: view tickets are asked for. ``live_s`` is the
    number of seconds between two looks for what is new, 0: none. ``limit`` is how many events the working set holds.
    ``records`` is how often each rule was judged right and wrong; ``rules`` a directory of the team's own, or ``""``.
    ``query`` is what the stores are asked for, as it is typed, ``""`` for everything; ``now_us`` is what ``now`` means
    in it.
    """

    account: str
    since_us: int
    until_us: int
    settings: bytes
    tokens: dict[str, str]
    sources: tuple[str, ...]
    limit: int
    live_s: float = 0.0
    records: dict[str, tuple[int, int]] = {}
    rules: str = ""
    query: str = ""
    now_us: int = 0


class Again(msgspec.Struct, frozen=True, tag=True):
    """Read a source on from where it stopped."""

    source: str


class Halt(msgspec.Struct, frozen=True, tag=True):
    """Stop what is being read; what came stays."""


class Reply(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to a question: msgpack, or the refusal or failure in words."""

    id: int
    value: bytes = b""
    error: str = ""
    what: str = ""
    hint: str = ""


class Came(msgspec.Struct, frozen=True, tag=True):
    """Events: a block of the working set, as its encoder wrote it."""

    block: bytes


class Stand(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The state of every source, and where they gave nothing."""

    lines: tuple[SourceLine, ...]
    gaps: tuple[Gap, ...]


class Marked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the rules found in all that came so far.

    ``failed`` says which rules could not be asked, and why. ``rulebook`` is the SHA-256 of the rules.
    """

    marks: tuple[Mark, ...]
    failed: tuple[str, ...]
    rulebook: bytes


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A question that only the workstation's own session can answer; `args` is msgpack."""

    id: int
    what: str
    args: bytes = b""


class Broken(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Nothing can be read at all, and why; the loader ends after it."""

    what: str
    hint: str = ""


ToLoader = Begin | Again | Halt | Reply
FromLoader = Came | Stand | Marked | Ask | Broken

to_loader = msgspec.msgpack.Decoder(ToLoader)
from_loader = msgspec.msgpack.Decoder(FromLoader)
_encoder = msgspec.msgpack.Encoder()


def packed(message: ToLoader | FromLoader) -> bytes:
    """Return a message as it travels."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


class Reading(Protocol):
    """Where messages come from: an :class:`asyncio.StreamReader`."""

    async def readexactly(self, n: int) -> bytes:
        """Return `n` bytes. Raises asyncio.IncompleteReadError at the end."""
        ...


async def unpacked(reader: Reading) -> bytes:
    """Return the next message's bytes.

    Raises:
        asyncio.IncompleteReadError: the other side is gone.
        ValueError: the length is no message's.
    """
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > MESSAGE_MAX:
        raise ValueError(f"a message of {length} bytes")
    return await reader.readexactly(length)
