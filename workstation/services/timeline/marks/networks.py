"""What the number or the name of a network tells: whether people live there, and which addresses belong together."""

from __future__ import annotations

import re

from workstation.services.timeline.query.addresses import packed, spelled

#: Large networks that rent out machines or hide their users, by AS number, as their operators register them with the
#: regional registries. Not complete: the names below find most others.
_NUMBERS = frozenset(
    {
        "8075", "8100", "8560", "9009", "9123", "11878", "12876", "13335", "14061", "14618", "15169", "16265",
        "16276", "16509", "19318", "20473", "20940", "21859", "22612", "23470", "24940", "24961", "25820", "26496",
        "28753", "29802", "30633", "31898", "32097", "33070", "35916", "36007", "36183", "36352", "37963", "39351",
        "40021", "40676", "42831", "43350", "44477", "45090", "45102", "46475", "46606", "46844", "47583", "49505",
        "49981", "51167", "51852", "53667", "53755", "54113", "55081", "55286", "57043", "59253", "60068", "60781",
        "62240", "62904", "63949", "132203", "133752", "136787", "141039", "147049", "197540", "200651", "202425",
        "203020", "204957", "206092", "207137", "209103", "209854", "210558", "210644", "212238", "213230", "396982",
        "398101", "399629",
    }
)  # fmt: skip
#: Words in the names of such networks.
_WORDS = re.compile(
    r"hosting|\bhost(?:ed|er|inger|gator|s)?\b|\bvpn|vpn\b|cloud|server|serveri|data\s?cent|colo(?:cation)?\b|\bvps\b|proxy|"
    r"anonym|\btor\b|dedicated|leaseweb|digitalocean|\bovh\b|hetzner|linode|vultr|contabo|m247|datacamp|"
    r"amazon|\baws\b|azure|mullvad|nordvpn|relay",
    re.IGNORECASE,
)
#: Bits of an address that name the block around it, where no AS is said: about what one provider hands out in one
#: region: registries give a provider a /32 or more of IPv6, and pools of IPv4 are some /18 to /22 a region.
_BITS = {4: 20, 16: 32}


def is_hoster(*, name: str = "", number: str = "") -> bool:
    """Return whether a network rents out machines or hides its users, as far as it is known."""
    digits = number[2:] if number[:2].upper() == "AS" else number
    return digits in _NUMBERS or (bool(name) and _WORDS.search(name) is not None)


def prefix_of(text: str) -> str:
    """Return the block around an address, ``""`` where the text is none."""
    address = packed(text)
    if address is None:
        return ""
    bits = _BITS[len(address)]
    number = int.from_bytes(address) >> (len(address) * 8 - bits) << (len(address) * 8 - bits)
    return f"{spelled(number.to_bytes(len(address)))}/{bits}"
