"""Claims, notes on events, judged marks and kept queries of the paper desk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from workstation.services.acts.refusals import refused
from workstation.services.views import Claim, EventNote, Findings, Judgement, KeptQuery, Person, RuleRecord

if TYPE_CHECKING:
    from tests.ui.paper_desk import Paper


class PaperFindings:
    """What an investigation finds, in memory; refuses what the store's rules refuse."""

    paper: Paper
    person: Person

    def _did(self, name: str, *args: Any) -> None:
        raise NotImplementedError

    async def findings(self, case: int) -> Findings:
        return self.paper.findings

    async def add_claim(self, case: int, said: str, mail: int | None = None) -> Claim:
        self._did("add_claim", case, said, mail)
        if not 3 <= len(said.strip()) <= 500:
            raise refused("claim_length")
        had = self.paper.findings
        claim = Claim(
            id=len(had.claims) + 1, said=said, added_by=self.person.login, added_at=self.paper.clock.now(), mail=mail
        )
        self.paper.findings = msgspec.structs.replace(had, claims=(*had.claims, claim))
        return claim

    async def judge_claim(self, claim: int, verdict: str, pins: Sequence[int] = (), why: str = "") -> Claim:
        self._did("judge_claim", claim, verdict, tuple(pins), why)
        if verdict in ("supported", "contradicted") and not pins:
            raise refused("pin_needed")
        had = self.paper.findings
        judged = msgspec.structs.replace(
            next(one for one in had.claims if one.id == claim),
            verdict=verdict,
            pins=tuple(pins),
            why=why,
            judged_by=self.person.login,
            judged_at=self.paper.clock.now(),
        )
        claims = tuple(judged if one.id == claim else one for one in had.claims)
        self.paper.findings = msgspec.structs.replace(had, claims=claims)
        return judged

    async def judge_mark(
        self, case: int, rule: str, rulebook: bytes, right: bool, why: str = "", events: Sequence[str] = ()
    ) -> Judgement:
        self._did("judge_mark", case, rule, right, why)
        verdict = "right" if right else "wrong"
        made = Judgement(rule=rule, verdict=verdict, by=self.person.login, at=self.paper.clock.now(), why=why)
        had = self.paper.findings
        others = tuple(one for one in had.judgements if one.rule != rule)
        self.paper.findings = msgspec.structs.replace(had, judgements=(*others, made))
        return made

    async def rule_records(self) -> tuple[RuleRecord, ...]:
        return tuple(
            RuleRecord(rule=one.rule, right=int(one.verdict == "right"), wrong=int(one.verdict == "wrong"))
            for one in self.paper.findings.judgements
        )

    async def note_event(self, case: int, source: str, event: str, text: str) -> EventNote:
        self._did("note_event", case, event, text)
        had = self.paper.findings
        made = EventNote(
            id=len(had.notes) + 1,
            source=source,
            event_id=event,
            text=text,
            by=self.person.login,
            at=self.paper.clock.now(),
        )
        self.paper.findings = msgspec.structs.replace(had, notes=(*had.notes, made))
        return made

    async def kept_queries(self, kind: str = "") -> tuple[KeptQuery, ...]:
        mine = [q for q in self.paper.queries if (q.kind == kind if q.kind else q.by == self.person.login)]
        return tuple(sorted(mine, key=lambda q: (q.kind == "", q.name)))

    async def keep_query(self, name: str, query: str, kind: str = "") -> KeptQuery:
        self._did("keep_query", name, query, kind)
        if kind and self.person.level < 3:
            raise refused("level")
        kept = KeptQuery(id=len(self.paper.queries) + 1, name=name, query=query, by=self.person.login, kind=kind)
        self.paper.queries = (*(q for q in self.paper.queries if (q.name, q.kind) != (name, kind)), kept)
        return kept

    async def drop_query(self, kept: int) -> KeptQuery:
        self._did("drop_query", kept)
        gone = next(q for q in self.paper.queries if q.id == kept)
        self.paper.queries = tuple(q for q in self.paper.queries if q.id != kept)
        return gone
