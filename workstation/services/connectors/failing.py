"""The failing twin of every port: a system that is away, to see that everything else stays usable.

`doctor` and the tests put one in the place of a real one; what it raises is chosen by the caller.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from workstation.services.accounts.model import Account, Risk
from workstation.services.acts.control import Act, Receipt
from workstation.services.connectors.control import effects
from workstation.services.errors import SourceDown, SourceError
from workstation.services.timeline.related import Shares
from workstation.services.timeline.source import ALL, Only, Page, Span

Failure = Callable[[], SourceError]


def away() -> SourceError:
    """Return the error of a system that gives no answer."""
    return SourceDown("The system cannot be reached.", "Check the network, then that system.")


class FailingAccounts:
    """An AccountReader that cannot be asked."""

    def __init__(self, failure: Failure = away) -> None:
        self._failure = failure

    async def read(self, account: str) -> Account:
        """Raise the failure."""
        raise self._failure()

    async def find(self, text: str) -> tuple[str, ...]:
        """Raise the failure."""
        raise self._failure()

    async def aclose(self) -> None:
        """Do nothing."""


class FailingRisk:
    """A RiskReader that cannot be asked."""

    def __init__(self, failure: Failure = away) -> None:
        self._failure = failure

    async def risk(self, account: str) -> Risk:
        """Raise the failure."""
        raise self._failure()

    async def aclose(self) -> None:
        """Do nothing."""


class FailingSharing:
    """A Sharing that cannot be asked."""

    def __init__(self, failure: Failure = away) -> None:
        self._failure = failure

    async def sharing(self, account: str, field: str, values: Sequence[str], span: Span) -> Shares:
        """Raise the failure."""
        raise self._failure()

    async def aclose(self) -> None:
        """Do nothing."""


class FailingEvents:
    """An EventSource that gives some pages and then fails.

    Args:
        name: what rows and gaps call it.
        failure: makes the error.
        pages: what comes before it.
    """

    def __init__(self, name: str = "failing", failure: Failure = away, pages: Sequence[Page] = ()) -> None:
        self._name = name
        self._failure = failure
        self._pages = tuple(pages)

    @property
    def name(self) -> str:
        """The name that rows and gaps show."""
        return self._name

    async def pages(self, account: str, span: Span, cursor: str | None = None, only: Only = ALL) -> AsyncIterator[Page]:
        """Yield the pages, then raise the failure."""
        for page in self._pages:
            yield page
        raise self._failure()

    async def aclose(self) -> None:
        """Do nothing."""


class FailingControl:
    """An AccountControl of which it is never known whether it acted."""

    def __init__(self, failure: Failure = away) -> None:
        self._failure = failure

    async def read(self, account: str) -> Account:
        """Raise the failure."""
        raise self._failure()

    async def execute(self, key: str, account: str, act: Act, params: dict[str, Any], etag: str) -> Receipt:
        """Raise the failure."""
        raise self._failure()

    async def reconcile(self, key: str, account: str, act: Act, params: dict[str, Any]) -> Receipt:
        """Raise the failure."""
        raise self._failure()

    def holds(self, account: Account, act: Act, params: dict[str, Any]) -> bool | None:
        """Return whether `account` shows the effect of `act`."""
        return effects.holds(account, act, params)

    async def aclose(self) -> None:
        """Do nothing."""
