"""What travels between reader and workstation beside the contract's own shapes (docs/viewing.md)."""

from __future__ import annotations

import msgspec

from workstation.services.timeline.event import Event
from workstation.services.timeline.source import Page

#: Media type of a stream of lines, each a JSON object.
NDJSON = "application/x-ndjson"
#: Before the rule's short name in the `type` of a problem (RFC 9457).
RULE = "urn:workstation:rule:"
#: Seconds between two signs of life while a source says nothing.
BEAT_S = 5.0
#: In a request: a page may come in parts.
PARTS = "parts"
#: The parameters that carry a query and what ``now`` means in it, microseconds since the epoch.
QUERY, NOW = "q", "now"
#: Characters of a query that goes in an address; a longer one is finished by whoever asks.
QUERY_MAX = 4_000


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """Why a stream ended before its source did. `rule` is set where the right to look ended."""

    what: str
    hint: str = ""
    rule: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a stream: a page, the failure that ends it, the end, or, with nothing in it, a sign of life.

    Where the request allows it, `events` are the first ones of the page that comes: only with its last line is a page
    there, and with it the cursor after it.
    """

    events: tuple[Event, ...] = ()
    page: Page | None = None
    failed: Failed | None = None
    end: bool = False


class Pinning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which record to keep as evidence: its source (``event.dataset``), its id, its time (µs since the epoch)."""

    source: str
    event: str
    time_us: int


class Asking(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values of an account of which is asked who else has them; times are RFC 3339."""

    field: str
    values: tuple[str, ...]
    since: str
    until: str


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """Where the case's mail goes, masked; `named` says whether ``{name}`` in a mail can be filled."""

    masked: str
    named: bool


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A revealed field's values."""

    values: tuple[str, ...]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """That the reader answers, and the names of its sources."""

    ok: bool
    sources: tuple[str, ...]
