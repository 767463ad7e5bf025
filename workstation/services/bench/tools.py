"""What all parts of the desk share: the session, the outside world, the clock, and what is open now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from workstation.services.accounts.model import Account, Status
from workstation.services.accounts.ports import AccountReader, RiskReader
from workstation.services.acts.refusals import refused
from workstation.services.clock import Clock
from workstation.services.errors import SourceMissing
from workstation.services.mail.ports import House
from workstation.services.timeline.source import EventSource
from workstation.services.views import Person

if TYPE_CHECKING:
    from workstation.services.acts.stepup import StepUp
    from workstation.services.drafts import Drafts
    from workstation.services.store.session import Session


class Tools:
    """The common ground of the desk's parts.

    Args:
        person: who is signed in.
        session: the connection to the store.
        accounts: reads accounts.
        risk: reads the risk engine; None where there is none.
        sources: makes the event sources of one account view.
        clock: now.
        house: who we are in mail.
        step_up: proves that the person is here.
        drafts: the local journal; None where the keyring gave no key for it.
        touch: demo only: touches this person's software key.
    """

    def __init__(
        self,
        *,
        person: Person,
        session: Session,
        accounts: AccountReader,
        risk: RiskReader | None,
        sources: Callable[[], Sequence[EventSource]],
        clock: Clock,
        house: House,
        step_up: StepUp,
        drafts: Drafts | None,
        touch: Callable[[], bool] | None = None,
    ) -> None:
        self.person = person
        self.session = session
        self.accounts = accounts
        self.risk = risk
        self.sources = sources
        self.clock = clock
        self.house = house
        self.step_up = step_up
        self.drafts = drafts
        self.touch = touch
        #: case → (account id, since when there is trouble), of the cases that this session opened
        self.opened: dict[int, tuple[str, datetime]] = {}

    def of(self, case: int) -> tuple[str, datetime]:
        """Return the account of a case that this session opened, and since when there is trouble.

        Raises:
            Refused: it did not open it.
        """
        if case not in self.opened:
            raise refused("not_opened")
        return self.opened[case]

    async def account_of(self, case: int) -> Account:
        """Read the account of an opened case, as it stands now.

        Raises:
            Refused: this session did not open the case.
            SourceError: it cannot be read. An account that no system knows is returned as ``unknown``.
        """
        account, _ = self.of(case)
        try:
            return await self.accounts.read(account)
        except SourceMissing:
            return Account(id=account, etag="", status=Status.UNKNOWN)
