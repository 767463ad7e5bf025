"""What an intrusion leaves behind, at the desk: read back from the account system, and shared with other accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from workstation.services.accounts.left import held_against
from workstation.services.bench.tools import Tools
from workstation.services.clock import to_micros
from workstation.services.errors import Invalid, Refused, SourceError
from workstation.services.timeline.related import STRENGTH, WORDS, Shares, ranked
from workstation.services.timeline.source import Span
from workstation.services.views import LeftStanding, Made, Observed, Related

#: How far back others are looked for: as far as a timeline goes by itself.
SPAN = timedelta(days=400)


class StoryDesk:
    """Reads back, and asks who else."""

    tools: Tools

    async def left_standing(self, account: str, made: Sequence[Made]) -> LeftStanding:
        """Read an account that was opened now, and say of each thing whether it still stands.

        What cannot be read is not gone: everything is then unknown, with the reason.
        """
        try:
            await self.tools.sight.admit(account)
            read, problem = await self.tools.accounts.read(account), ""
        except (SourceError, Refused) as error:
            read, problem = None, error.sentence()
        return held_against(made, read, self.tools.clock.now(), problem)

    async def related(self, account: str, observed: Sequence[Observed]) -> Related:
        """Ask which other accounts have these values of an account that was opened, and rank them.

        Raises:
            Refused: this session may not look at the account.
        """
        await self.tools.sight.admit(account)
        now = self.tools.clock.now()
        span = Span(to_micros(now - SPAN), to_micros(now + timedelta(minutes=5)))
        fields = [field for field in STRENGTH if any(one.field == field for one in observed)]
        asked = [(field, [one.value for one in observed if one.field == field]) for field in fields]
        said = await asyncio.gather(*(self._shares(account, field, values, span) for field, values in asked))
        answers = [(field, one) for field, one in zip(fields, said, strict=True) if isinstance(one, Shares)]
        accounts, common = ranked(observed, answers)
        return Related(
            accounts=accounts,
            read_at=now,
            asked=sum(len(values) for field, values in asked if any(field == done for done, _ in answers)),
            population=max((shares.population for _, shares in answers), default=0),
            common=common,
            problems=tuple(dict.fromkeys(one for one in said if isinstance(one, str))),
        )

    async def _shares(self, account: str, field: str, values: Sequence[str], span: Span) -> Shares | str:
        """Return what is shared of a field, or why nobody said; one field that fails stops no other."""
        if self.tools.sharing is None:
            return "Nobody is set up who knows which accounts share values."
        try:
            return await self.tools.sharing.sharing(account, field, values, span)
        except (SourceError, Invalid) as error:
            return f"{WORDS[field]}: {error.sentence()}"
