"""How a value may be spelled where upper and lower case differ: patterns as regular expressions for such stores.

Here ``Straße``, ``STRASSE`` and ``straße`` are one value (str.casefold: Unicode 3.13, full case folding); a store
compares byte by byte. So each letter becomes the class of letters that fold to it. A letter that folds to *several*
(ß, ﬁ; a hundred such) may reach across the edge of a pattern's part: what holds one that could is in the upper bound,
and not in the lower.

The expressions use what RE2, Go, PostgreSQL and Lucene share: ``. * ( | ) [ ] [^ ]`` and a backslash before signs. A
dot must be any character there, a line feed, too.
"""

from __future__ import annotations

import functools
import ipaddress

import msgspec

from workstation.services.timeline.query.patterns import literal, parts, pieces, quoted

#: No cased letter lies beyond the Supplementary Multilingual Plane.
_LETTERS = 0x20000
#: Stores bound the length of an expression (index.max_regex_length of OpenSearch: 1,000).
MAX_EXPRESSION = 900
#: In every spelling of an IPv4 address as an IPv6 one stands ``ffff:``.
_MAPPED = ".*[fF][fF][fF][fF]:.*"


class Spelled(msgspec.Struct, frozen=True):
    """The bounds of a pattern, as regular expressions for the whole value.

    ``only`` is the one spelling there is, where there is only one.
    """

    lower: str
    upper: str
    only: str | None = None


@functools.cache
def _folds() -> tuple[dict[str, str], dict[str, str]]:
    """Return letter → all that fold to it, and letter → what it folds to where that is several."""
    same: dict[str, str] = {}
    several: dict[str, str] = {}
    for char in map(chr, range(_LETTERS)):
        folded = char.casefold()
        if len(folded) > 1:
            several[char] = folded
        elif folded != char:
            same[folded] = same.get(folded, folded) + char
    return same, several


@functools.lru_cache(maxsize=512)
def of_pattern(pattern: str) -> Spelled | None:
    """Return the bounds of a pattern that is not empty; None where it cannot be said.

    That is a pattern that is too long, one of which half a character is part, or ``**``.
    """
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char, _ in pieces(pattern)):
        return None
    if not any(own or char == "?" for char, own in pieces(pattern)):
        return None
    same, _ = _folds()
    several = _reaching(pattern)
    one, other = ".", f"[^{several}]" if several else "."

    def written(any_char: str) -> str:
        return f"{any_char}*".join(
            "".join(any_char if text is None else _spelled(text, same) for text in part) for part in parts(pattern)
        )

    lower, upper = written(other), f"(?:{written(one)}|.*[{several}].*)" if several else written(one)
    said = literal(pattern)
    only = said if said is not None and not several and not any(char in same for char in said.casefold()) else None
    if len(upper) > MAX_EXPRESSION and only is None:
        return None
    return Spelled(lower, upper, only)


def _spelled(text: str, same: dict[str, str]) -> str:
    return "".join(f"[{same[char]}]" if char in same else quoted(char) for char in text)


def _reaching(pattern: str) -> str:
    """Return the letters that fold to several of which some could be part of what the pattern asks for."""
    _, several = _folds()
    said = literal(pattern)
    if said is not None:
        folded = said.casefold()
        return "".join(char for char, to in several.items() if to in folded)
    if any(char == "?" and not own for char, own in pieces(pattern)):
        return "".join(several)
    asked = {char for part in parts(pattern) for text in part if text for char in text}
    return "".join(char for char, to in several.items() if asked & set(to))


def of_network(network: str) -> str:
    """Return an expression for every spelling of every address of a network, and others beside them."""
    found = ipaddress.ip_network(network)
    if found.version == 6:
        return ".*:.*"
    octets = str(found.network_address).split(".")[: found.prefixlen // 8]
    head = "\\.".join(octets) + ("" if len(octets) == 4 else "\\..*" if octets else ".*\\..*")
    return f"(?:{head}|{_MAPPED})"
