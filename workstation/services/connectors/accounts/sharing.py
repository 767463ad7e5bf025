"""Who else has a value, by our own HTTP contract, version 1.1 (``docs/connectors.md``), with the read token."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from workstation.services.clock import from_micros
from workstation.services.connectors.decoding import decode
from workstation.services.connectors.endpoint import route
from workstation.services.connectors.http import HttpSystem
from workstation.services.errors import Invalid, SourceGarbled
from workstation.services.timeline.related import HOLDERS_MAX, STRENGTH, VALUES_MAX, Shared, Shares
from workstation.services.timeline.source import Span


class ContractSharing:
    """A :class:`~workstation.services.timeline.related.Sharing` over the contract.

    Args:
        http: the system with the read token, or the reader with a view ticket; closed with this.
    """

    def __init__(self, http: HttpSystem) -> None:
        self._http = http

    async def sharing(self, account: str, field: str, values: Sequence[str], span: Span) -> Shares:
        """Return who else has values of this account's own events.

        Raises:
            Invalid: not a field that is shared, too many values, or the service does not take the question.
            SourceMissing: there is no such account, or the service does not answer such questions.
            SourceGarbled: the answer speaks of other values, or of fewer accounts than it names.
            SourceError: it could not be asked.
        """
        if field not in STRENGTH or len(values) > VALUES_MAX:
            raise Invalid(f"“{field}” cannot be asked about.", f"At most {VALUES_MAX} values of a field at once.")
        if not values:
            return Shares(shared=())
        body = {
            "field": field,
            "values": list(values),
            "since": _instant(span.since_us),
            "until": _instant(span.until_us),
        }
        answer = await self._http.ask(route("v1", "accounts", account, "sharing"), json=body)
        found = await decode(answer.body, Shares, self._http.name)
        return Shares(
            shared=tuple(self._checked(one, account, values) for one in found.shared), population=found.population
        )

    def _checked(self, shared: Shared, account: str, values: Sequence[str]) -> Shared:
        others = tuple(holder for holder in shared.holders if holder.account != account)
        if shared.value not in values or shared.accounts < len(others) + 1:
            raise SourceGarbled(
                f"{self._http.name} said something else of shared values than it was asked.",
                "Nothing of it was used. Tell who runs that system.",
            )
        return msgspec.structs.replace(shared, holders=others[:HOLDERS_MAX])

    async def aclose(self) -> None:
        """Release connections."""
        await self._http.aclose()


def _instant(us: int) -> str:
    return from_micros(us).isoformat().replace("+00:00", "Z")
