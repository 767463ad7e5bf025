"""How ClickHouse is asked over HTTP, and how its answers are read.

Answers are ``JSONCompact``: one JSON document, which unlike a line per row cannot be cut off without it being noticed.
ClickHouse answers 200 before it knows how a query ends, so it is asked to wait for the end, which costs nothing for a
page that is sorted anyway; where something goes wrong after all, the exception stands in the middle of the body and is
found there (ClickHouse docs, "HTTP interface: HTTP response codes caveats").
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from typing import TypeVar

import httpx
import msgspec

from workstation.services.connectors.answers import Answer
from workstation.services.connectors.decoding import page_work
from workstation.services.connectors.endpoint import Endpoint
from workstation.services.connectors.http import Credential, HttpSystem, Policy, Surroundings
from workstation.services.connectors.logs.clickhouse_errors import (
    READONLY,
    UNKNOWN_SETTING,
    Raised,
    SettingRefused,
    exception,
    meant,
)
from workstation.services.errors import SourceDown, SourceError, SourceGarbled, WorkstationError
from workstation.services.text import clean
from workstation.services.timeline.query.push.clickhouse import over_http

Parameters = Mapping[str, str | int]
#: A row of texts: every column is asked for as one.
Line = list[str | None]
#: Two texts, and an object as it stands in the answer: writing it as a text would take longer than all the rest.
Record = tuple[str | None, str | None, msgspec.Raw]

#: Limits that end a query early, with ``throw``; a profile's ``break`` would end it with less, in silence.
OVERFLOWS = tuple(
    f"{what}_overflow_mode" for what in ("result", "read", "read_leaf", "timeout", "timeout_leaf", "sort", "group_by")
)
#: The server gives up before we do, and says so itself.
_SERVER_SHARE = 0.8
#: Seconds for ending a query that nobody waits for any more.
_ENDING_S = 2.0
#: Bytes at the end of a body in which an exception is looked for: it is cut to 16 KiB there since 25.11.
_TAIL = 32 * 1024
_KILL = "KILL QUERY WHERE query_id = '{}' ASYNC"


class Column(msgspec.Struct, frozen=True):
    """Name and type of a column of an answer."""

    name: str
    type: str


class _Answer(msgspec.Struct, frozen=True):
    meta: list[Column]
    data: list[Line]
    rows: int
    exception: str = ""


class _Records(msgspec.Struct, frozen=True):
    data: list[Record]
    rows: int
    exception: str = ""


_A = TypeVar("_A", _Answer, _Records)


class ClickHouseSystem(HttpSystem):
    """One server or cluster under the one client policy."""

    def __init__(
        self, endpoint: Endpoint, credential: Credential, surroundings: Surroundings, policy: Policy | None = None
    ) -> None:
        super().__init__(endpoint, credential, surroundings, policy)
        self._unknown: set[str] = set()
        #: Settings that our user may not set, found out as the server refuses them.
        self.forbidden: set[str] = set()

    async def columns(self, sql: str, database: str) -> list[Column]:
        """Return the columns that a SELECT would give. Raises as :meth:`rows`."""
        return (await self._answer(f"{sql} LIMIT 0", {}, database, {}, _Answer)).meta

    async def rows(
        self, sql: str, parameters: Parameters, database: str, settings: Mapping[str, str] | None = None
    ) -> list[Line]:
        """Return the rows of a SELECT of texts.

        Args:
            sql: with ``{name:Type}`` for parameters, without a FORMAT.
            parameters: their values.
            database: where names without one are looked up.
            settings: instead of, or beside those of every query.

        Raises:
            ShardAbsent: a part of the cluster cannot be reached.
            SourceGarbled: the answer is none, or is cut off.
            SourceError, Invalid: see :mod:`.clickhouse_errors`.
        """
        return (await self._answer(sql, parameters, database, settings or {}, _Answer)).data

    async def records(
        self, sql: str, parameters: Parameters, database: str, settings: Mapping[str, str] | None = None
    ) -> list[Record]:
        """Return the rows of a SELECT of two texts and a named tuple. Raises as :meth:`rows`."""
        return (await self._answer(sql, parameters, database, settings or {}, _Records)).data

    async def _answer(
        self, sql: str, parameters: Parameters, database: str, settings: Mapping[str, str], into: type[_A]
    ) -> _A:
        query: list[tuple[str, str]] = [
            ("database", database),
            ("wait_end_of_query", "1"),
            *over_http(parameters).items(),
        ]
        while True:
            wanted: dict[str, str] = self._settings(settings)
            try:
                answer = await self.ask("/", [*query, *wanted.items()], text=f"{sql} FORMAT JSONCompact")
            except SettingRefused as refused:
                if not self._do_without(refused, wanted):
                    raise
                continue
            return await page_work(partial(self._decoded, answer.body, into), len(answer.body))

    def _do_without(self, refused: SettingRefused, wanted: Mapping[str, str]) -> bool:
        """Note what is refused of the settings of a query; return whether another try makes sense."""
        named = {name for name in wanted if re.search(rf"\b{name}\b", refused.text)}
        if refused.code == UNKNOWN_SETTING:
            self._unknown |= named
            return bool(named)
        # Where `readonly` alone is fixed the others may be set; where another one is, the user may set nothing.
        some = named if named == {"readonly"} or refused.code != READONLY else set(wanted)
        self.forbidden |= some
        return bool(some)

    def _settings(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return the settings of a query: it changes nothing, and no limit of it is a silent one."""
        every = {
            "readonly": "1",
            "max_execution_time": str(max(int(self.policy.deadline_s * _SERVER_SHARE), 1)),
            **dict.fromkeys(OVERFLOWS, "throw"),
            # A record's time without its zone could be any.
            "date_time_output_format": "iso",
            # A row is asked for as one named tuple; a profile may have it written as a list.
            "output_format_json_named_tuples_as_objects": "1",
            # A part that cannot be reached is an exception, not an answer with less in it.
            "skip_unavailable_shards": "0",
            # Closing the connection alone ends no query (ClickHouse docs, "HTTP interface").
            "cancel_http_readonly_queries_on_client_close": "1",
            **more,
        }
        return {name: value for name, value in every.items() if name not in self._unknown | self.forbidden}

    def _decoded(self, body: bytes, into: type[_A]) -> _A:
        try:
            answer = msgspec.json.decode(body, type=into)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            found = exception(body[-_TAIL:].decode("utf-8", "replace"))
            if found is not None:
                raise meant(self.name, found) from error
            raise SourceGarbled(
                f"{self.name} answered with something of another shape: {clean(error, 200)}.",
                "Nothing of it was used; it may have been cut off. Try again.",
            ) from error
        if answer.exception:
            raise meant(self.name, exception(answer.exception) or Raised(0, ""))
        if answer.rows != len(answer.data):
            raise SourceGarbled(f"{self.name} sent less than it said.", "Nothing of it was used. Try again.")
        return answer

    def refusal(self, answer: Answer, secrets: tuple[str, ...]) -> WorkstationError:
        """Return the error of an answer other than 2xx, by the number of its exception where there is one."""
        found = _excepted(answer)
        return super().refusal(answer, secrets) if found is None else meant(self.name, found, answer.status)

    def check(self, answer: Answer) -> None:
        """Refuse a 200 that says in a header that it is none, or that is no JSON. Raises SourceError, Invalid."""
        found = _excepted(answer) if answer.headers.get(_CODE_HEADER) else None
        if found is not None:
            raise meant(self.name, found)
        super().check(answer)

    async def _exchange(self, method: str, url: httpx.URL, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Exchange under a name of its own; a query whose answer nobody waits for any more is ended by that name."""
        query_id = f"workstation-{self.surroundings.rng.getrandbits(96):024x}"
        try:
            return await super()._exchange(method, url.copy_add_param("query_id", query_id), content, headers)
        except (asyncio.CancelledError, SourceDown, SourceGarbled):
            await self._end(query_id, url, headers)
            raise

    async def _end(self, query_id: str, url: httpx.URL, headers: Mapping[str, str]) -> None:
        try:
            async with asyncio.timeout(_ENDING_S):
                there = url.copy_with(query=None)
                await super()._exchange("POST", there, _KILL.format(query_id).encode(), headers)
        except (SourceError, TimeoutError):
            # It ends by itself after max_execution_time.
            return


_CODE_HEADER = "x-clickhouse-exception-code"


def _excepted(answer: Answer) -> Raised | None:
    """Return the exception of an answer: in its text, or by the header alone."""
    # Old servers call it JSON all the same.
    found = exception(answer.body[-_TAIL:].decode("utf-8", "replace"))
    code = answer.headers.get(_CODE_HEADER, "")
    if found is None and code.isascii() and code.isdigit() and len(code) <= 4 and code != "0":
        return Raised(int(code), "")
    return found
