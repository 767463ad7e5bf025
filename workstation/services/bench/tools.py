"""What all parts of the desk share: the session, the outside world, the clock, and what is open now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from workstation.services.accounts.model import Account
from workstation.services.accounts.ports import AccountReader, RiskReader
from workstation.services.acts.refusals import refused
from workstation.services.clock import Clock
from workstation.services.mail.ports import House
from workstation.services.reading.sight import Direct, Purposes, Sight, Tickets, read_or_unknown
from workstation.services.timeline.source import ALL, Only, Span
from workstation.services.views import Person

if TYPE_CHECKING:
    from workstation.services.acts.stepup import StepUp
    from workstation.services.drafts import Drafts
    from workstation.services.store.session import Session
    from workstation.services.timeline.loading.timeline import Timeline
    from workstation.services.timeline.related import Sharing


class Opens(Protocol):
    """Opens timelines."""

    def prepare(self) -> None:
        """Get ready before one is asked for."""
        ...

    async def open(self, account: str, span: Span, only: Only = ALL) -> Timeline:
        """Return a timeline that fills; whoever opened it closes it."""
        ...

    async def aclose(self) -> None:
        """Let go of what was made ready."""
        ...


class Tools:
    """The common ground of the desk's parts.

    Args:
        person: who is signed in.
        session: the connection to the store.
        accounts: reads accounts.
        risk: reads the risk engine; None where there is none.
        timelines: opens the timelines of accounts.
        clock: now.
        house: who we are in mail.
        step_up: proves that the person is here.
        drafts: the local journal; None where the keyring gave no key for it.
        touch: demo only: touches this person's software key.
        purposes: what this session opened and why.
        sight: how it looks; without one, directly.
        sharing: who knows which accounts share a value; None: nobody.
        column_sets: the team's own, by name.
    """

    def __init__(
        self,
        *,
        person: Person,
        session: Session,
        accounts: AccountReader,
        risk: RiskReader | None,
        timelines: Opens,
        clock: Clock,
        house: House,
        step_up: StepUp,
        drafts: Drafts | None,
        touch: Callable[[], bool] | None = None,
        purposes: Purposes | None = None,
        sight: Sight | None = None,
        sharing: Sharing | None = None,
        column_sets: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.person = person
        self.session = session
        self.accounts = accounts
        self.risk = risk
        self.timelines = timelines
        self.clock = clock
        self.house = house
        self.step_up = step_up
        self.drafts = drafts
        self.touch = touch
        self.sharing = sharing
        self.column_sets = column_sets or {}
        self.purposes = purposes or Purposes()
        self.sight: Sight = sight or Direct(session, accounts, Tickets(session, self.purposes), clock)

    @property
    def opened(self) -> dict[int, tuple[str, datetime]]:
        """Case → (account id, since when there is trouble), of the cases that this session opened."""
        return self.purposes.cases

    def of(self, case: int) -> tuple[str, datetime]:
        """Return the account of a case that this session opened, and since when there is trouble.

        Raises:
            Refused: it did not open it.
        """
        if case not in self.opened:
            raise refused("not_opened")
        return self.opened[case]

    async def account_of(self, case: int) -> Account:
        """Read the account of an opened case, as it stands now; masked where a reader is in the house.

        Raises:
            Refused: this session did not open the case, or may no longer look.
            SourceError: it cannot be read. An account that no system knows is returned as ``unknown``.
        """
        account, _ = self.of(case)
        return await read_or_unknown(self.accounts, account)
