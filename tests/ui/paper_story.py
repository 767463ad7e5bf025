"""What the intruder left and who shares values, of the paper desk; the account that is read back is the paper's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workstation.services.accounts.left import held_against
from workstation.services.timeline.related import Shares, ranked
from workstation.services.views import LeftStanding, Made, Observed, Related

if TYPE_CHECKING:
    from tests.ui.paper_desk import Paper


class PaperStory:
    """Reads the paper's account back, and ranks what the paper says is shared."""

    paper: Paper

    def _did(self, name: str, *args: Any) -> None:
        raise NotImplementedError

    async def left_standing(self, account: str, made: Sequence[Made]) -> LeftStanding:
        self._did("left_standing", account, tuple(one.kind for one in made))
        now, problem = self.paper.clock.now(), self.paper.unread
        return held_against(made, None if problem else self.paper.account, now, problem)

    async def related(self, account: str, observed: Sequence[Observed]) -> Related:
        self._did("related", account, tuple(one.value for one in observed))
        here = {(one.field, one.value) for one in observed}
        answers = [
            (field, Shares(shared=tuple(s for s in shares.shared if (field, s.value) in here), population=10_000))
            for field, shares in self.paper.shared
        ]
        accounts, common = ranked(observed, answers)
        return Related(
            accounts=accounts,
            read_at=self.paper.clock.now(),
            asked=len(observed) if self.paper.shared else 0,
            population=10_000,
            common=common,
            problems=() if self.paper.shared else ("address: The account API answered too late. Try again.",),
        )
