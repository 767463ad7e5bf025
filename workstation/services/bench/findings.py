"""What an investigation finds, at the desk: claims, marks judged, notes on events, queries under a name."""

from __future__ import annotations

from collections.abc import Sequence

from workstation.services.bench.tools import Tools
from workstation.services.views import Claim, EventNote, Findings, Judgement, KeptQuery, RuleRecord


class FindingsDesk:
    """Writes down what was found, and reads it again."""

    tools: Tools

    async def findings(self, case: int) -> Findings:
        """Return claims, notes on events and judged marks of an opened case."""
        return await self.tools.session.typed(Findings, "findings", case)

    async def add_claim(self, case: int, said: str, mail: int | None = None) -> Claim:
        """Write down what the client says (3 to 500 characters), and in which mail."""
        return await self.tools.session.typed(Claim, "claim_add", case, said, mail)

    async def judge_claim(self, claim: int, verdict: str, pins: Sequence[int] = (), why: str = "") -> Claim:
        """Say what the log says of a claim: see ``views.CLAIM_VERDICTS``.

        Supported and contradicted rest on pins of the case; that nobody can know needs a reason of 10 characters.
        """
        return await self.tools.session.typed(Claim, "claim_judge", claim, verdict, list(pins), why)

    async def judge_mark(
        self, case: int, rule: str, rulebook: bytes, right: bool, why: str = "", events: Sequence[str] = ()
    ) -> Judgement:
        """Say whether a rule was right about this account; wrong needs a reason of 10 characters.

        Args:
            case: that I hold.
            rule: its id.
            rulebook: SHA-256 of the rules that marked it.
            right: whether it was.
            why: what the rule did not know.
            events: ids of the marked events, at most 50 are kept.
        """
        verdict = "right" if right else "wrong"
        return await self.tools.session.typed(
            Judgement, "judge_mark", case, rule, rulebook, verdict, why, list(events[:50])
        )

    async def rule_records(self) -> tuple[RuleRecord, ...]:
        """Return how often each rule was judged right and wrong, over all cases."""
        return await self.tools.session.typed(tuple[RuleRecord, ...], "mark_record")

    async def note_event(self, case: int, source: str, event: str, text: str) -> EventNote:
        """Write a note on one event (1 to 2,000 characters)."""
        return await self.tools.session.typed(EventNote, "note_event", case, source, event, text)

    async def kept_queries(self, kind: str = "") -> tuple[KeptQuery, ...]:
        """Return my queries, and before them those for this kind of case."""
        return await self.tools.session.typed(tuple[KeptQuery, ...], "saved_queries", kind)

    async def keep_query(self, name: str, query: str, kind: str = "") -> KeptQuery:
        """Keep a query under a name; with a `kind` for everybody who works such cases (seniors and leads)."""
        return await self.tools.session.typed(KeptQuery, "save_query", name, query, kind)

    async def drop_query(self, kept: int) -> KeptQuery:
        """Forget a query; return it, so that it can be kept again."""
        return await self.tools.session.typed(KeptQuery, "drop_query", kept)
