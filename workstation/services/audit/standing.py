"""How the notary stands, in words for ``workstation doctor``."""

from __future__ import annotations

from typing import Any, NamedTuple

from workstation.services.audit.notary import EVERY_S
from workstation.services.audit.serving import ALIVE_S
from workstation.services.text import clean

#: Seconds after which a notary that said nothing is taken for dead, and after which what waits is too old.
DEAD_S, LATE_S = 6 * ALIVE_S, 2 * EVERY_S


class Standing(NamedTuple):
    """`state` is ok, warning or broken; `do` is empty where there is nothing to do."""

    state: str
    said: str
    do: str = ""


def standing(row: dict[str, Any]) -> Standing:
    """Say how the notary stands.

    Args:
        row: what ``ws.notary()`` returned.
    """
    if row["seen_s"] is None:
        do = "Start `workstation notary` where the store's superuser has no say (docs/audit.md)."
        return Standing("warning", "has never been here: a chain that is cut or recomputed whole is not found", do)
    size, behind = row["size"], row["behind"]
    said = f"checkpoint {size:,}, {_age(row['age_s'])} old, {behind:,} records since" if size else "no checkpoint yet"
    if row["trouble"]:
        do = "See docs/audit.md, “When the notary does not sign”."
        return Standing("broken", f"{said}; does not sign: {clean(row['trouble'])}", do)
    if row["seen_s"] > DEAD_S:
        return Standing("broken", f"{said}; silent for {_age(row['seen_s'])}", "Start the notary again.")
    if not size or (row["age_s"] > LATE_S and behind > 1):
        return Standing("warning", f"{said}: late", "Look at the notary's log.")
    if not row["witnesses"]:
        do = "Look at the witness: without its word, whoever has the notary's key could sign two histories."
        why = clean(row["witness"]) or "none is configured"
        return Standing("warning", f"{said}; co-signed by nobody ({why})", do)
    return Standing("ok", f"{said}; {clean(row['witness'])}")


def _age(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
