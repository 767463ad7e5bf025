"""A world on paper in which every text from outside is one that a terminal, a markup reader or an eye would obey."""

from __future__ import annotations

from itertools import cycle
from typing import TypeVar

import msgspec

from tests.hostile import HOSTILE, HOSTILE_TEXTS
from tests.ui import paper_data as data
from tests.ui.paper_desk import Paper, replace
from workstation.services.accounts.model import Account
from workstation.services.clock import to_micros
from workstation.services.timeline.event import Event
from workstation.services.views import Claim, Difference, EventNote, Fact, Findings, KeptQuery

S = TypeVar("S", bound=msgspec.Struct)

TEXTS = tuple(HOSTILE_TEXTS.values())
#: Fields of an event that a source fills with what somebody sent.
FIELDS = (
    *("action", "native_action", "category", "reason", "account_name", "actor", "actor_name", "ip", "country", "city"),
    *("asn", "as_org", "user_agent", "device", "session", "factor", "target", "risk"),
)
ALL = "\n".join(text for text in TEXTS if len(text) < 500)


def as_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def packed() -> list[Event]:
    """Return few events that hold all texts between them, one a field, for the pane that shows an event whole."""
    found = []
    for n, start in enumerate(range(0, len(TEXTS), len(FIELDS))):
        fields = dict(zip(FIELDS, TEXTS[start : start + len(FIELDS)], strict=False))
        raw = b"\n".join(as_bytes(text)[:400] for text in HOSTILE.values())
        at = to_micros(data.NOW) - n * 1_000_000
        found.append(Event(id=f"p-{n}", time_us=at, source="signin-log", raw=raw, **{"action": "x", **fields}))
    return found


def spread() -> list[Event]:
    """Return an event for each text that has it in every field, for the rows."""
    base = to_micros(data.NOW) - 60_000_000
    return [
        Event(
            id=f"s-{n}{text}",
            time_us=base - n * 1_000_000,
            source=f"log {text}"[:60],
            raw=as_bytes(text),
            **dict.fromkeys(FIELDS, text),
        )
        for n, text in enumerate(TEXTS)
    ]


def poisoned() -> Paper:
    """Return the world; nothing in it is clean but what is ours."""
    paper = Paper(cases=len(TEXTS), events=12)
    for row, text in zip(list(paper.rows.values()), TEXTS, strict=True):
        paper.rows[row.id] = replace(
            row,
            subject=text,
            excerpt=text,
            why=(text, text),
            account=(text or "AA71N84G")[:40],
            language=text[:8],
            holder_name=text,
        )
    first = paper.order[0]
    paper.rows[first] = replace(paper.rows[first], account="AA71N84G", subject=ALL, excerpt=ALL)
    paper.events = (*packed(), *spread())
    paper.mails = tuple(
        replace(
            m, sender=ALL[:300], subject=ALL, body=ALL, language=TEXTS[0], authenticity=ALL[:200], attachments=TEXTS
        )
        for m in paper.mails
    )
    paper.notes = tuple(replace(note, by=TEXTS[0], text=ALL) for note in paper.notes)
    paper.pins = tuple(replace(pin, summary=ALL, source=TEXTS[0], added_by=TEXTS[1]) for pin in paper.pins)
    steps = tuple(replace(step, text=text) for step, text in zip(paper.procedure.steps, cycle(TEXTS)))
    paper.procedure = replace(paper.procedure, title=ALL[:300], steps=steps)
    paper.account = _account(paper.account)
    short = [text for text in TEXTS if len(text) < 400]
    paper.queries = tuple(
        KeptQuery(id=n, name=text[:60], query=text or "x", by="ana.k", kind="account_takeover" if n % 2 else "")
        for n, text in enumerate(short, 1)
    )
    paper.findings = Findings(
        claims=tuple(
            Claim(id=n, said=text, added_by=text, added_at=data.NOW, verdict="open", why=text, judged_by=text)
            for n, text in enumerate(short, 1)
        ),
        notes=tuple(
            EventNote(id=n, source="signin-log", event_id="p-0", text=text, by=text, at=data.NOW)
            for n, text in enumerate(short, 1)
        ),
    )
    paper.forward(first)
    packet = paper.packets[first]
    facts = tuple(Fact(name=text, value=text) for text in TEXTS)
    paper.packets[first] = replace(
        packet, finding=ALL, wants=ALL, by=TEXTS[0], facts=facts, pins=paper.pins, params={"factor": ALL}
    )
    paper.moved = tuple(Difference(name=text, before=text, now=text, blocks=False) for text in TEXTS)
    request = paper.ask(first)
    paper.requests[request.id] = replace(
        request,
        reason_text=ALL,
        requester_name=TEXTS[0],
        stage=ALL[:400],
        params={"x": ALL[:400]},
        readback=ALL,
        why=ALL,
    )
    return paper


def _account(account: Account) -> Account:
    texts = cycle(text for text in TEXTS if len(text) < 500)
    return replace(
        account,
        name=ALL[:400],
        language=next(texts),
        country=next(texts),
        contacts=tuple(replace(contact, value=next(texts)) for contact in account.contacts * 10),
        locks=tuple(replace(lock, reason=next(texts)) for lock in account.locks * 10),
        holds=tuple(replace(hold, kind=next(texts), reason=next(texts)) for hold in account.holds * 10),
        factors=tuple(replace(factor, kind=next(texts), label=next(texts)) for factor in account.factors * 10),
        sessions=tuple(
            replace(one, ip=next(texts), device=next(texts), country=next(texts)) for one in account.sessions * 10
        ),
        standing=tuple(replace(one, kind=next(texts), label=next(texts)) for one in account.standing * 10),
    )
