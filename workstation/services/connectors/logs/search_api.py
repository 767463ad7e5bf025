"""What OpenSearch and Elasticsearch are asked, and what their answers and refusals mean.

Which of the two it is shows itself: they differ in the point in time (a snapshot of an index that stays while it is
read) and refuse each other's. Seen on OpenSearch 2.19 and 3.8 and on Elasticsearch 7.17.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from workstation.services.connectors.answers import Answer
from workstation.services.connectors.decoding import decode, page_work, too_deep
from workstation.services.connectors.endpoint import route
from workstation.services.connectors.http import HttpSystem
from workstation.services.errors import (
    Invalid,
    SourceBusy,
    SourceDenied,
    SourceError,
    SourceGarbled,
    SourceMissing,
    WorkstationError,
)
from workstation.services.text import clean

#: How long a point in time lives after the last question of it; a page takes seconds, and who looks on asks anew.
KEEP_ALIVE = "2m"
#: Seconds for giving a point in time back; it ends by itself soon enough.
_CLOSING_S = 2.0
#: Characters of the store's own words that a sentence quotes.
_QUOTED = 200
_TRY_AGAIN = "Try again; if it stays, tell who runs that system."
#: What is not there any more: a point in time that nobody asked for long enough, or that somebody deleted.
_EXPIRED = "search_context_missing_exception"
_NO_INDEX = "index_not_found_exception"
#: Failures that the same question meets again; the first comes as a 503, which otherwise means "busy".
_HOPELESS = frozenset({"too_many_buckets_exception", "too_many_clauses", "too_many_nested_clauses"})
#: Failures of single shards that another try may mend: a full queue, a breaker.
_BUSY = frozenset(
    {
        "es_rejected_execution_exception",
        "opensearch_rejected_execution_exception",
        "rejected_execution_exception",
        "circuit_breaking_exception",
    }
)


class Expired(SourceError):
    """The point in time is gone; another one can be opened."""


class _Cause(msgspec.Struct, frozen=True):
    type: str = ""
    reason: str | None = ""
    root_cause: list[_Cause] = []
    caused_by: _Cause | None = None


class _Failure(msgspec.Struct, frozen=True):
    reason: _Cause = _Cause()


class Shards(msgspec.Struct, frozen=True):
    """How many parts of the index answered."""

    total: int
    failed: int = 0
    failures: list[_Failure] = []


class Hit(msgspec.Struct, frozen=True, gc=False):
    """One document: its id, its text as it was sent to the store, and the values that it was sorted by."""

    id: str = msgspec.field(name="_id")
    source: msgspec.Raw = msgspec.field(name="_source")
    sort: tuple[int | float | str | None, ...]


class _Hits(msgspec.Struct, frozen=True):
    hits: list[Hit]


class Found(msgspec.Struct, frozen=True):
    """The answer to a search."""

    timed_out: bool
    shards: Shards = msgspec.field(name="_shards")
    hits: _Hits
    pit_id: str | None = None
    aggregations: msgspec.Raw = msgspec.Raw(b"{}")

    @property
    def problem(self) -> str:
        """What the store did not see, ``""`` where it saw all. It answers 200 either way."""
        if self.timed_out:
            return "it ran out of time before it had looked at everything"
        if not self.shards.failed:
            return ""
        said = next((_said(failure.reason) for failure in self.shards.failures), "")
        return f"{self.shards.failed} of {self.shards.total} shards failed" + (f" ({said})" if said else "")

    @property
    def kinds(self) -> frozenset[str]:
        """The types of what failed in single shards."""
        return frozenset(kind for failure in self.shards.failures for kind in _kinds(failure.reason))

    @property
    def is_worth_another_try(self) -> bool:
        """Whether shards failed because they had too much to do."""
        return bool(self.shards.failed and self.kinds & _BUSY)


class _Version(msgspec.Struct, frozen=True):
    number: str
    distribution: str = "elasticsearch"


class _Root(msgspec.Struct, frozen=True):
    version: _Version


class _Opened(msgspec.Struct, frozen=True):
    pit_id: str = ""
    id: str = ""


class Capability(msgspec.Struct, frozen=True):
    """What can be done with a field of one type."""

    type: str
    searchable: bool
    aggregatable: bool


class _Capabilities(msgspec.Struct, frozen=True):
    indices: list[str] | str
    fields: dict[str, dict[str, Capability]]


class SearchSystem(HttpSystem):
    """One cluster under the one client policy."""

    async def dialect(self) -> tuple[str, str]:
        """Return ``opensearch`` or ``elasticsearch``, and its version; two empty texts where we may not know."""
        try:
            version = (await self.get("/", _Root)).version
        except SourceDenied:
            return "", ""
        return ("opensearch" if version.distribution == "opensearch" else "elasticsearch"), version.number

    async def capabilities(self, index: str, fields: Sequence[str]) -> tuple[str, dict[str, dict[str, Capability]]]:
        """Return the dialect, and the types that fields have in an index or pattern; absent ones are left out.

        Raises:
            SourceMissing: no index matches.
        """
        path = f"{route(index)}/_field_caps"
        answer = await self.fetch(path, [("fields", ",".join(fields)), ("ignore_unavailable", "true")])
        found = await decode(answer.body, _Capabilities, self.name)
        if not found.indices:
            raise SourceMissing(f"{self.name} has no index “{clean(index, 80)}”.", "Check the index in the settings.")
        # Elasticsearch signs every answer (since 7.14), also where a credential may not ask for its version.
        return ("elasticsearch" if "x-elastic-product" in answer.headers else "opensearch"), found.fields

    async def search(self, body: dict[str, Any]) -> Found:
        """Ask once for documents or figures of a point in time.

        Raises:
            Expired: the point in time is gone.
            SourceError, Invalid: see :meth:`refusal`.
        """
        # The store gives up before we do, and then says what it has seen.
        timed = {**body, "timeout": f"{max(int(self.policy.deadline_s * 800), 1)}ms"}
        answer = await self.ask("/_search", [("allow_partial_search_results", "true")], json=timed)
        found = await page_work(lambda: _found(answer.body, self.name), len(answer.body))
        if _EXPIRED in found.kinds:
            raise Expired(f"{self.name} no longer keeps the state that was read.", _TRY_AGAIN)
        return found

    async def open(self, dialect: str, index: str) -> str:
        """Open a point in time and return its id. Raises as :meth:`search`."""
        tail = "/_search/point_in_time" if dialect == "opensearch" else "/_pit"
        answer = await self.ask(route(index) + tail, [("keep_alive", KEEP_ALIVE)])
        opened = await decode(answer.body, _Opened, self.name)
        if not (opened.pit_id or opened.id):
            raise SourceGarbled(f"{self.name} opened a point in time without saying which.", _TRY_AGAIN)
        return opened.pit_id or opened.id

    async def give_back(self, dialect: str, pit: str) -> None:
        """Close a point in time; where that fails it ends by itself."""
        path, body = (
            ("/_search/point_in_time", {"pit_id": [pit]}) if dialect == "opensearch" else ("/_pit", {"id": pit})
        )
        try:
            async with asyncio.timeout(_CLOSING_S):
                await self.send("DELETE", path, json=body)
        except (WorkstationError, TimeoutError):
            return

    async def pause(self, attempt: int) -> None:
        """Wait before the same question is put again, with full jitter."""
        surroundings, policy = self.surroundings, self.policy
        most = min(policy.wait_max_s, policy.wait_first_s * 2**attempt)
        await surroundings.sleep(surroundings.rng.uniform(0, most))

    def refusal(self, answer: Answer, secrets: tuple[str, ...]) -> WorkstationError:
        """Return the error of an answer other than 2xx, with the store's own words for it."""
        cause = _cause(answer)
        kinds, said = _kinds(cause), _said(cause)
        for secret in filter(None, secrets):
            said = said.replace(secret, "•••")
        ending = f": {said}" if said else ""
        if _EXPIRED in kinds:
            return Expired(f"{self.name} no longer keeps the state that was read.", _TRY_AGAIN)
        if _NO_INDEX in kinds:
            return SourceMissing(f"{self.name} has no such index{ending}.", "Check the index in the settings.")
        if kinds & _HOPELESS:
            return Invalid(f"{self.name} refused the question ({answer.status}){ending}.", "Ask for a shorter span.")
        error = super().refusal(answer, secrets)
        # A breaker may come as any 5xx; what helps is the same as for a 429.
        if answer.status >= 500 and kinds & _BUSY:
            return SourceBusy(f"{self.name} is busy ({answer.status}){ending}.", "Try again later.")
        if said and said not in error.what:
            error.what = f"{error.what.rstrip('.')}{ending}."
        return error


def _found(body: bytes, system: str) -> Found:
    try:
        return msgspec.json.decode(body, type=Found)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceGarbled(
            f"{system} answered with something of another shape: {clean(error, _QUOTED)}.",
            "Nothing of it was used. Its version may have changed: tell who runs this installation.",
        ) from error


def _cause(answer: Answer) -> _Cause:
    """Return what an error's body says; ``error`` is an object, or a text where no route was found."""
    if not answer.is_json or too_deep(answer.body):
        return _Cause()
    try:
        body = msgspec.json.decode(answer.body)
        error = body.get("error") if isinstance(body, dict) else None
        return _Cause(reason=error) if isinstance(error, str) else msgspec.convert(error, _Cause)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Cause()


def _kinds(cause: _Cause | None) -> frozenset[str]:
    """Return every type in a cause: the one that matters may lie under ``caused_by`` only."""
    if cause is None:
        return frozenset()
    below = frozenset(kind for each in cause.root_cause for kind in _kinds(each))
    return below | _kinds(cause.caused_by) | {cause.type}


def _said(cause: _Cause) -> str:
    """Return the words of the innermost cause."""
    while cause.root_cause or cause.caused_by:
        cause = cause.root_cause[0] if cause.root_cause else cause.caused_by or _Cause()
    return clean(": ".join(filter(None, (cause.type, cause.reason))), _QUOTED).rstrip(". ")
