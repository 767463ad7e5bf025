"""A case and what lies in it: who works it, its pins, labels, notes, steps and mail."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in. `level` is 1 (L1), 2 (L2) or 3 (senior); `role` is analyst, lead or auditor."""

    login: str
    person_id: str
    name: str
    level: int
    role: str
    team: str
    languages: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """How the state bar names the person's standing."""
        if self.role != "analyst":
            return self.role.capitalize()
        return {1: "Level 1", 2: "Level 2", 3: "Senior"}[self.level]


class CaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the queue with the reasons for its place."""

    id: int
    ref: str
    kind: str
    account: str
    status: str
    language: str
    risk: int | None
    funds_usd: float | None
    opened_at: datetime
    due_at: datetime | None
    why: tuple[str, ...]
    subject: str
    excerpt: str
    holder: str | None
    holder_name: str
    lease_until: datetime | None
    escalated_to: int | None
    waiting_since: datetime | None
    version: int


class QueueView(msgspec.Struct, frozen=True, kw_only=True):
    """The order of a queue, frozen when it was read: ids from first to last, and counts by place."""

    ids: tuple[int, ...]
    mine: int
    unassigned: int
    waiting: int
    breaching: int
    read_at: datetime


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """An event kept as evidence, with the hash of its raw bytes."""

    id: int
    event_id: str
    source: str
    sha256: str
    summary: str
    added_by: str
    added_at: datetime


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a device, network or session is: ``owner``, ``intruder`` or ``unknown``."""

    kind: str
    value: str
    verdict: str
    by: str


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A note of a colleague on a case."""

    id: int
    by: str
    at: datetime
    text: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the procedure. `needs_pin` steps are ticked with a pin."""

    key: str
    text: str
    needs_pin: bool = False
    required: bool = True
    done_by: str = ""
    done_at: datetime | None = None
    pin: int | None = None


class Procedure(msgspec.Struct, frozen=True, kw_only=True):
    """The procedure of a kind of case, at the version that the case is worked under."""

    kind: str
    version: int
    title: str
    steps: tuple[Step, ...]

    @property
    def next_step(self) -> Step | None:
        """The first step that is not done."""
        return next((s for s in self.steps if s.done_at is None), None)


class MailMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A mail of the thread. Outgoing ones carry the state of their outbox row.

    `state`: received, queued, sending, sent, unknown, recalled or failed. `from_record` says whether an
    incoming one came from the address on record; `authenticity` is what our own server said of it.
    """

    id: int
    direction: str
    state: str
    at: datetime
    sender: str
    recipient: str
    subject: str
    body: str
    language: str
    from_record: bool = False
    authenticity: str = ""
    attachments: tuple[str, ...] = ()
    recall_until: datetime | None = None


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A mail template in the client's language with its English twin beside it. Holes are ``{name}``."""

    key: str
    language: str
    title: str
    subject: str
    body: str
    english_subject: str
    english_body: str
