"""What clients answered on the exchange's veto page, by our own HTTP contract, with the write token."""

from __future__ import annotations

from workstation.services.acts.veto import Page
from workstation.services.connectors.endpoint import route
from workstation.services.connectors.http import HttpSystem


class ContractVetoes:
    """An :class:`~workstation.services.acts.veto.Answers` over ``GET /v1/vetoes``.

    Args:
        http: the system with the write token; closed with this.
    """

    def __init__(self, http: HttpSystem) -> None:
        self._http = http

    async def read(self, cursor: str) -> Page:
        """Return the answers after `cursor`, oldest first. Raises SourceError."""
        return await self._http.get(route("v1", "vetoes"), Page, [("cursor", cursor)] if cursor else [])

    async def aclose(self) -> None:
        """Release connections."""
        await self._http.aclose()
