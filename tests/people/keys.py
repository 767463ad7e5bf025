"""A software key in this process, always touched; for the code that talks to real ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from fido2.ctap import STATUS, CtapDevice
from fido2.hid import CAPABILITY

from workstation.sandbox.softkey import SoftKey


class PluggedKey(CtapDevice):
    """The key whose credentials are in `path`."""

    def __init__(self, path: Path) -> None:
        self.soft = SoftKey(path, lambda: True)

    @property
    def capabilities(self) -> int:
        return int(CAPABILITY.CBOR)

    def call(
        self,
        cmd: int,
        data: bytes = b"",
        event: threading.Event | None = None,
        on_keepalive: Callable[[STATUS], None] | None = None,
    ) -> bytes:
        return self.soft.call(data)

    def close(self) -> None:
        """Nothing to close."""

    @classmethod
    def list_devices(cls) -> Iterator[CtapDevice]:
        return iter(())
