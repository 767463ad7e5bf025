"""Risk by our own HTTP contract, version 1 (``docs/connectors.md``), with the read token."""

from __future__ import annotations

from workstation.services.accounts.model import Risk
from workstation.services.connectors.endpoint import route
from workstation.services.connectors.http import HttpSystem
from workstation.services.errors import SourceGarbled


class ContractRisk:
    """A :class:`~workstation.services.accounts.ports.RiskReader` over the contract.

    Args:
        http: the system with the read token; closed with this reader.
    """

    def __init__(self, http: HttpSystem) -> None:
        self._http = http

    async def risk(self, account: str) -> Risk:
        """Return the newest assessment; ``score`` is None where the engine has none.

        Raises:
            SourceGarbled: the score lies outside the scale that it claims.
            SourceError: the engine could not be asked. Unknown is never shown as zero.
        """
        risk = await self._http.get(route("v1", "accounts", account, "risk"), Risk)
        if not within_scale(risk):
            raise SourceGarbled(
                f"{self._http.name} gave a score outside of its own scale.", "It was not used. Tell who runs it."
            )
        return risk

    async def aclose(self) -> None:
        """Release connections."""
        await self._http.aclose()


def within_scale(risk: Risk) -> bool:
    """Return whether the score fits a scale written ``low-high``; other scales claim nothing.

    Engines mix up 0-1 and 0-100: a score of 0.97 read on the wrong scale is a client waved through.
    """
    low, dash, high = risk.scale.partition("-")
    try:
        bounds = (float(low), float(high)) if dash else None
    except ValueError:
        bounds = None
    return risk.score is None or bounds is None or bounds[0] <= risk.score <= bounds[1]
