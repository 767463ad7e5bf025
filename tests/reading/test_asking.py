"""Asking for a query through the wall: less comes, and which events come tells nothing that is masked."""

from __future__ import annotations

import string

from tests.reading.house import EVER, House, Seat, account, event
from workstation.services.reading.app import narrowed
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.source import Only, Page

NOW_US = 20_000_000


async def asked(ana: Seat, who: str, text: str) -> list[str]:
    """Return the ids that come for a query."""
    pages = ana.events().pages(who, EVER, None, Only(parse(text), NOW_US))
    return [e.id async for page in pages for e in page.events]


def told(house: House, who: str) -> None:
    house.accounts.known[who] = account(who)
    name = house.accounts.known[who].name
    house.log.script = [
        Page(
            events=(
                event(1, who, action="sign_in", account_name=name, ip="203.0.113.1"),
                event(2, who, action="sign_out", ip="203.0.113.2"),
                event(3, who, action="sign_in", target=name, ip="198.51.100.1"),
            )
        )
    ]


async def test_only_what_the_query_keeps_comes(house: House) -> None:
    told(house, "Q1")
    async with house.person("ana") as ana:
        await ana.hold("Q1")
        assert await asked(ana, "Q1", "event.action:sign_in") == ["e1", "e3"]
        assert await asked(ana, "Q1", "-event.action:sign_in") == ["e2"]
        assert await asked(ana, "Q1", "source.ip:203.0.113.0/24 sign_out") == ["e2"]


async def test_no_letter_of_a_masked_name_can_be_found_by_asking(house: House) -> None:
    told(house, "Q2")
    name = house.accounts.known["Q2"].name
    first, rest = name[0].casefold(), name[1:4].casefold()
    async with house.person("ana") as ana:
        await ana.hold("Q2")
        for field in ("user.target.name", "target.id"):
            found = {letter for letter in string.ascii_lowercase if await asked(ana, "Q2", f"{field}:{letter}*")}
            assert found <= {first}, field
            assert await asked(ana, "Q2", f"{field}:?{rest[0]}*") == []
            assert await asked(ana, "Q2", f"{field}:/.*{rest}.*/") == []
            # What is missing from an answer would tell as much.
            assert await asked(ana, "Q2", f"-{field}:/.*{rest}.*/") == ["e1", "e2", "e3"]
        assert await asked(ana, "Q2", rest) == []
        assert await asked(ana, "Q2", f"-{name.split()[0]}") == ["e1", "e2", "e3"]


def test_a_store_is_asked_for_open_fields_alone() -> None:
    query = parse("event.action:x -source.ip:10.0.0.1 user.target.name:J* (event.action:y OR device.id:z) word")
    assert str(narrowed(Only(query, 1)).query) == "event.action:x -source.ip:10.0.0.1"


async def test_a_query_that_is_none_is_refused(house: House) -> None:
    told(house, "Q3")
    async with house.person("ana") as ana:
        await ana.hold("Q3")
        token = await ana.token("Q3")
        span = {"source": "the log", "since": "1970-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z"}
        for wrong in ({"q": "((", "now": "1"}, {"q": "a", "now": "x"}, {"q": "a"}, {"q": "a" * 5_000, "now": "1"}):
            assert (await ana.get("/v1/accounts/Q3/events", token, **span, **wrong)).status_code == 400, wrong
        assert (await ana.get("/v1/accounts/Q3/events", token, **span, q="a", now="1")).status_code == 200
