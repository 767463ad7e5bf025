"""The null twin of every port: nothing is set up, which is not an error and not a fact about anybody.

For an installation without, say, a risk engine: the rest works, and the screen says "not set up".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from workstation.services.accounts.model import Account, Risk
from workstation.services.acts.control import Act, Receipt, Sent
from workstation.services.connectors.control import effects
from workstation.services.errors import Invalid, SourceMissing
from workstation.services.timeline.related import Shares
from workstation.services.timeline.source import ALL, Only, Page, Span


class NullAccounts:
    """An AccountReader without accounts."""

    async def read(self, account: str) -> Account:
        """Raise SourceMissing."""
        raise SourceMissing("No account system is set up.", "Name one in the settings.")

    async def find(self, text: str) -> tuple[str, ...]:
        """Return nothing."""
        return ()

    async def aclose(self) -> None:
        """Do nothing."""


class NullRisk:
    """A RiskReader that has no score for anybody; no score is None, never 0."""

    async def risk(self, account: str) -> Risk:
        """Return a risk without score and scale."""
        return Risk(score=None, scale="")

    async def aclose(self) -> None:
        """Do nothing."""


class NullSharing:
    """A Sharing that cannot say who else has a value.

    Args:
        why: the reason, a sentence.
    """

    def __init__(self, why: str = "No account system is set up that knows who shares values.") -> None:
        self._why = why

    async def sharing(self, account: str, field: str, values: Sequence[str], span: Span) -> Shares:
        """Raise SourceMissing: nobody knows, which is not "nobody shares it"."""
        raise SourceMissing(self._why, "The account contract 1.1 offers it (docs/connectors.md).")

    async def aclose(self) -> None:
        """Do nothing."""


class NullEvents:
    """An EventSource that holds nothing and says that it covers nothing.

    Args:
        name: what rows and gaps call it.
    """

    def __init__(self, name: str = "none") -> None:
        self._name = name

    @property
    def name(self) -> str:
        """The name that rows and gaps show."""
        return self._name

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        """Yield one empty page that covers an empty span."""
        yield Page(events=(), covers=Span(span.until_us, span.until_us))

    async def aclose(self) -> None:
        """Do nothing."""


class NullControl:
    """An AccountControl that can do nothing and says so before anything was tried."""

    async def read(self, account: str) -> Account:
        """Raise SourceMissing."""
        raise SourceMissing("No account system is set up.", "Name one in the settings.")

    async def execute(self, key: str, account: str, act: Act, params: dict[str, Any], etag: str) -> Receipt:
        """Raise Invalid: nothing was done."""
        raise Invalid("No account control is set up.", "Nothing was done. Name one in the broker's settings.")

    async def reconcile(self, key: str, account: str, act: Act, params: dict[str, Any]) -> Receipt:
        """Return that it never arrived: there is nowhere to arrive at."""
        return Receipt(sent=Sent.NEVER_ARRIVED)

    def holds(self, account: Account, act: Act, params: dict[str, Any]) -> bool | None:
        """Return whether `account` shows the effect of `act`."""
        return effects.holds(account, act, params)

    async def aclose(self) -> None:
        """Do nothing."""
