"""What kind of program a user agent names: its system and its family, without versions, which change every week."""

from __future__ import annotations

import re

_SYSTEMS = (
    ("windows", "windows"), ("iphone", "ios"), ("ipad", "ios"), ("ios", "ios"), ("cfnetwork", "ios"),
    ("android", "android"), ("macintosh", "macos"), ("mac os", "macos"), ("cros", "chromeos"), ("linux", "linux"),
)  # fmt: skip
#: The most telling first: every browser says Mozilla, and most say Chrome and Safari too.
_FAMILIES = ("edg", "opr", "opera", "samsungbrowser", "firefox", "fxios", "crios", "chrome", "safari")
_VERSIONS = re.compile(r"[\d.]+")


def program_of(user_agent: str) -> str:
    """Return a name that stays the same over updates, such as ``windows firefox``."""
    text = user_agent.casefold()
    system = next((name for sign, name in _SYSTEMS if sign in text), "")
    family = next((name for name in _FAMILIES if name in text), "")
    if family:
        return f"{system} {family}".strip()
    words = _VERSIONS.sub("", text.partition("/")[0] if "/" in text else text)
    return f"{system} {words.strip()[:40]}".strip()
