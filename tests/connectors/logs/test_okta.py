"""Okta's System Log, answered from memory as its documents say; and our own contract under the same faults."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.connectors.exchange import ALICE, Exchange
from tests.connectors.logs.faults import Faulty, LogFaults, Subject, read_from
from tests.connectors.wire import NOON, Pauses, surroundings
from tests.contracts.event_source import EventSourceContract, Story, events, read
from workstation.services.clock import to_micros
from workstation.services.connectors.http import Surroundings
from workstation.services.connectors.logs.contract import ContractEvents
from workstation.services.connectors.logs.okta import OktaEvents
from workstation.services.connectors.logs.registry import source as source_of
from workstation.services.errors import SourceBusy, SourceGarbled
from workstation.services.timeline.event import Outcome
from workstation.services.timeline.source import EventSource, Span
from workstation.settings import LogSettings

ME = "00u1abcd2EFGH3ijk4l5"
URL = "https://example.okta.test"
SPAN = Span(to_micros(NOON - timedelta(days=1)), to_micros(NOON) + 1)


def log_event(number: int, account: str = ME) -> dict[str, Any]:
    """A LogEvent as Okta's documents show it, `number` minutes before noon."""
    at = NOON - timedelta(minutes=number - number % 7 // 6)
    return {
        "actor": {"id": account, "type": "User", "alternateId": "alice@example.test", "displayName": "Alice"},
        "client": {"ipAddress": "203.0.113.9", "zone": "null", "userAgent": {"rawUserAgent": "Mozilla/5.0"}},
        "eventType": "user.session.start",
        "outcome": {"result": "FAILURE" if number % 2 else "SUCCESS", "reason": "INVALID_CREDENTIALS"},
        "published": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "uuid": f"e-{account[-2:]}-{number:03}",
        "target": None,
    }


class Organisation:
    """``GET /api/v1/logs``; the next page stands in a Link header, a place in it is a number of rows."""

    def __init__(self) -> None:
        self.rows = [log_event(number, account) for number in range(45) for account in (ME, "00uOTHER")]
        self.seen: list[httpx.Request] = []
        self.link = f'<{URL}/api/v1/logs?after={{}}&limit=9>; rel="next"'

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        params = request.url.params
        assert request.url.path == "/api/v1/logs" and params["sortOrder"] == "DESCENDING"
        who = re.fullmatch(r'actor\.id eq "(.*)" or target\.id eq "\1"', params["filter"])
        since, until = (datetime.fromisoformat(params[name]) for name in ("since", "until"))
        found = [
            row
            for row in sorted(self.rows, key=lambda row: row["published"], reverse=True)
            if who and row["actor"]["id"] == who[1] and since <= datetime.fromisoformat(row["published"]) < until
        ]
        start, limit = int(params.get("after", "0")), int(params["limit"])
        links = [("Link", f'<{request.url}>; rel="self"')]
        if start + limit < len(found):
            links.append(("Link", self.link.format(start + limit)))
        return httpx.Response(200, json=found[start : start + limit], headers=links)


STORY = Story(
    account=ME,
    span=SPAN,
    ids=frozenset(f"e-l5-{number:03}" for number in range(45)),
    part=Span(SPAN.since_us, to_micros(NOON - timedelta(minutes=20))),
    part_ids=frozenset(f"e-l5-{number:03}" for number in range(21, 45)),
    nobody="00uNOBODY",
)


def okta(made: Surroundings, deadline_s: float = 5.0) -> EventSource:
    table = LogSettings(name="okta", kind="okta", url=URL, deadline_s=deadline_s)
    source = source_of(table, "read-me-not", made)
    assert isinstance(source, OktaEvents)
    source._page = 9
    return source


@pytest.fixture
def organisation() -> Organisation:
    return Organisation()


class TestOkta(EventSourceContract):
    @pytest.fixture
    def story(self) -> Story:
        return STORY

    @pytest.fixture
    def source(self, organisation: Organisation) -> EventSource:
        return okta(surroundings(organisation))

    async def test_every_request_is_bounded_and_signed(self, organisation: Organisation, source: EventSource) -> None:
        got = events(await read(source, ME, SPAN))
        assert {request.headers["authorization"] for request in organisation.seen} == {"SSWS read-me-not"}
        assert all("until" in request.url.params for request in organisation.seen)
        assert {event.outcome for event in got} == {Outcome.SUCCESS, Outcome.FAILURE}
        assert {event.action for event in got} == {"sign_in"}

    async def test_an_account_cannot_leave_the_filter(self, organisation: Organisation, source: EventSource) -> None:
        assert events(await read(source, 'x" or actor.id pr or actor.id eq "', SPAN)) == []
        (request,) = organisation.seen
        assert request.url.params["filter"].startswith('actor.id eq "x\\" or actor.id pr or actor.id eq \\""')

    async def test_says_how_long_okta_remembers(self, source: EventSource) -> None:
        (page, *_) = await read(source, ME, Span(0, SPAN.until_us))
        assert page.covers == Span(to_micros(NOON - timedelta(days=90)), SPAN.until_us)


class TestOktaFaults(LogFaults):
    @pytest.fixture
    def subject(self, organisation: Organisation) -> Subject:
        return Subject(organisation, lambda _: True, okta, STORY)


@pytest.mark.parametrize(
    "link",
    [
        '<https://evil.test/api/v1/logs?after={}>; rel="next"',
        '<http://example.okta.test/api/v1/logs?after={}>; rel="next"',
        '<https://example.okta.test/api/v1/users?after={}>; rel="next"',
        '<https://example.okta.test/api/v1/logs>; rel="next"',
        '<https://[>; rel="next"',
    ],
)
async def test_a_next_page_elsewhere_is_not_followed(organisation: Organisation, link: str) -> None:
    organisation.link = link
    with pytest.raises(SourceGarbled, match="another place"):
        await read(okta(surroundings(organisation)), ME, SPAN)
    assert len(organisation.seen) == 1


@pytest.mark.parametrize(("in_s", "waits"), [(2, 1), (3_000, 0)])
async def test_a_limit_that_is_reached_says_when_it_is_over(organisation: Organisation, in_s: int, waits: int) -> None:
    reset = int((NOON + timedelta(seconds=in_s)).replace(tzinfo=UTC).timestamp())
    answers = [httpx.Response(429, json={"errorCode": "E0000047"}, headers={"X-Rate-Limit-Reset": str(reset)})]

    def server(request: httpx.Request) -> httpx.Response:
        return answers.pop() if answers else organisation(request)

    pauses = Pauses()
    source = okta(surroundings(server, pauses), 10.0)
    if waits:
        assert len(events(await read(source, ME, SPAN))) == 45
        assert len(pauses) == 1 and pauses[0] >= in_s
    else:
        with pytest.raises(SourceBusy) as caught:
            await read(source, ME, SPAN)
        assert "3000 s" in caught.value.hint and not pauses


async def test_a_record_that_is_none_is_counted(organisation: Organisation) -> None:
    def change(answer: httpx.Response) -> httpx.Response:
        rows = json.loads(answer.content)
        return httpx.Response(200, json=[{"uuid": "no time"}, *rows[1:]])

    subject = Subject(organisation, lambda _: True, okta, STORY)
    pages, _ = await read_from(subject, Faulty(subject, change, lambda number: number == 0))
    assert pages[0].why == "1 records could not be read" and pages[0].partial


class TestContractFaults(LogFaults):
    @pytest.fixture
    def subject(self) -> Subject:
        def make(made: Surroundings, deadline_s: float) -> EventSource:
            table = LogSettings(name="app", url="https://accounts.example.test/base", deadline_s=deadline_s)
            source = source_of(table, "read-token", made)
            assert isinstance(source, ContractEvents)
            source._page = 6
            return source

        story = Story(
            account=ALICE,
            span=SPAN,
            ids=frozenset(f"{ALICE}-{number:03}" for number in range(25)),
            part=SPAN,
            part_ids=frozenset(),
            nobody="nobody",
        )
        return Subject(Exchange(), lambda _: True, make, story)
