"""Security keys that are plugged in, as USB or NFC human-interface devices."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from fido2.ctap import CtapDevice

Devices = Callable[[], Iterable[CtapDevice]]

#: Usage page 0xF1D0, with which a FIDO key announces itself in its report descriptor (CTAP 2.1, 11.2.8.2).
FIDO_USAGE = b"\x06\xd0\xf1"


def plugged_in() -> Iterable[CtapDevice]:
    """Return the FIDO2 keys that are plugged in and may be opened; whoever asked closes them.

    A key that cannot be opened (no udev rule, pulled out in between) does not hide the others.
    """
    from fido2.hid import CtapHidDevice, list_descriptors, open_connection

    found: list[CtapDevice] = []
    for descriptor in list_descriptors():  # type: ignore[no-untyped-call]
        try:
            found.append(CtapHidDevice(descriptor, open_connection(descriptor)))  # type: ignore[no-untyped-call]
        except (OSError, ValueError):
            continue
    return found


def blocked(known: Path = Path("/sys/class/hidraw"), nodes: Path = Path("/dev")) -> bool:
    """Return whether a FIDO key is plugged in that this OS user may not open: the udev rule is missing (Linux).

    Args:
        known: where the kernel lists the devices.
        nodes: where they are opened.
    """
    for device in sorted(known.glob("hidraw*")):
        try:
            descriptor = (device / "device" / "report_descriptor").read_bytes()
        except OSError:
            continue
        if FIDO_USAGE in descriptor and not os.access(nodes / device.name, os.R_OK | os.W_OK):
            return True
    return False


def any_there(devices: Devices) -> bool:
    """Return whether there is a key, and let go of it."""
    found = list(devices())
    for device in found:
        device.close()
    return bool(found)
