"""Regular expressions by RE2: in time linear in the value whatever the expression, and of bounded size.

RE2 (github.com/google/re2, "Syntax") has neither back references nor looking around; it says so when they are tried.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

#: Bytes that one compiled expression may take: ``(a{100}){100}`` is refused, honest ones take a tenth.
MAX_MEMORY = 1 << 18


class NoRegex(ValueError):
    """It is no regular expression of RE2, or too large a one."""


@functools.lru_cache(maxsize=32)
def whole(source: str) -> Callable[[str], bool]:
    """Return a test for a whole value, case folded. A dot is any character; what is absent never matches.

    Raises:
        NoRegex: with RE2's own words.
    """
    import re2  # loads a library of its own: only when somebody types a regular expression

    options = re2.Options()
    options.case_sensitive = False
    options.dot_nl = True
    options.never_capture = True
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    try:
        found = re2.compile(source.encode(), options)
    except re2.error as error:
        said = error.args[0] if error.args else "it is not understood"
        raise NoRegex(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)) from None
    except UnicodeEncodeError:
        raise NoRegex("half a character") from None
    return lambda value: bool(value) and found.fullmatch(value.casefold().encode("utf-8", "replace")) is not None


def anywhere(source: str) -> str:
    """Return the expression that matches a whole value wherever `source` occurs in it."""
    return f".*(?:{source}).*"
