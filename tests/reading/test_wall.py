"""The reader on a real socket: what it gives, to whom, for how long, and what never leaves it."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import msgspec
import pytest

from tests.reading.house import EVER, NOW, REASON, House, Seat, account, event, read_all
from tests.rules.installation import answer
from workstation.services.accounts.model import Contact, ContactKind, Factor, Hold, Lock, LockKind, Standing
from workstation.services.accounts.model import Session as SignIn
from workstation.services.connectors.reader.accounts import ReaderAccounts
from workstation.services.connectors.reader.risk import ReaderRisk
from workstation.services.connectors.reader.sight import ReaderSight
from workstation.services.errors import Refused, SourceDenied, SourceDown, SourceMissing
from workstation.services.reading.wire import Pinning
from workstation.services.timeline.imported import ImportedEvents
from workstation.services.timeline.loading.local import LocalTimelines
from workstation.services.timeline.source import Page, SourceState, Span

#: No run of these may leave without a reveal, whatever its case.
CANARIES = ("anarina", "carlacan", "rla.can", "23456789", "2345 6789", "345-67", "other.person")
PATHS = ("", "/risk", "/events?source=the+log&since=1970-01-01T00:00:00Z&until=2030-01-01T00:00:00Z", "/fields/email")


async def every_answer(seat: Seat, who: str, token: str | None) -> list[tuple[int, bytes]]:
    found = [await seat.get(f"/v1/accounts/{who}{path}", token) for path in PATHS]
    if token:
        body = msgspec.json.encode(Pinning(source="the log", event="e1", time_us=10_000_000 - 1))
        found += [await seat.post(f"/v1/accounts/{who}/{what}", token, body) for what in ("recipient", "pins")]
    return [(r.status_code, r.content) for r in found]


async def test_nothing_without_a_ticket_nor_with_a_made_up_one(house: House) -> None:
    house.accounts.known["W1"] = account("W1")
    async with house.person("ana") as ana:
        for token in (None, "x", "0" * 64):
            for status, body in await every_answer(ana, "W1", token):
                assert status == 401
                assert not leaked(body)
        assert (await ana.get("/v1/accounts", None, q="carlacan")).status_code == 401
    assert house.accounts.reads == []


async def test_a_ticket_is_for_one_account(house: House) -> None:
    house.accounts.known |= {"W2": account("W2"), "W3": account("W3")}
    async with house.person("ana") as ana:
        await ana.hold("W2")
        token = await ana.token("W2")
        assert (await ana.get("/v1/accounts/W2", token)).status_code == 200
        for status, body in await every_answer(ana, "W3", token):
            assert status == 403
            assert b"ticket_other_account" in body
        assert (await ana.get("/v1/accounts", token, q="carlacan")).status_code == 403
    assert set(house.accounts.reads) == {"W2"}


async def test_a_ticket_dies_with_the_connection_that_asked_for_it(house: House) -> None:
    """Another backend, of the same person or of another, does not inherit it."""
    house.accounts.known["W4"] = account("W4")
    async with house.person("ana") as ana:
        await ana.hold("W4")
        token = await ana.token("W4")
        house.ws.su.execute("SELECT pg_terminate_backend(%s)", (ana.session.backend,))
        house.ws.su.execute("SELECT 1")
        async with house.person("ana") as again, house.person("ben") as ben:
            for seat in (again, ben):
                said = await seat.get("/v1/accounts/W4", token)
                assert said.status_code == 401
                assert b"ticket_backend_gone" in said.content


async def test_a_ticket_runs_out_and_the_store_gives_the_next(house: House) -> None:
    house.accounts.known["W5"] = account("W5")
    async with house.person("ana") as ana:
        await ana.hold("W5")
        token = await ana.token("W5")
        house.ws.su.execute("UPDATE wsd.view_ticket SET expires = clock_timestamp() WHERE account_id = 'W5'")
        assert b"ticket_expired" in (await ana.get("/v1/accounts/W5", token)).content
        assert (await ReaderAccounts(ana.client).read("W5")).id == "W5"
        assert await ana.token("W5") != token


@pytest.mark.parametrize("how", ["stolen", "closed", "released", "lapsed", "disabled", "other account"])
async def test_a_ticket_dies_with_its_purpose(house: House, how: str) -> None:
    who = f"W6{how[:2]}".replace(" ", "")
    house.accounts.known[who] = account(who)
    async with house.person("ana") as ana, house.person("ben") as ben:
        case = await ana.hold(who)
        token = await ana.token(who)
        assert (await ana.get(f"/v1/accounts/{who}", token)).status_code == 200
        rule = await end_purpose(house, ana, ben, case, how)
        try:
            said = await ana.get(f"/v1/accounts/{who}", token)
            assert said.status_code == 401
            assert rule.encode() in said.content
        finally:
            house.ws.su.execute("UPDATE wsd.staff SET enabled = true WHERE login = 'ana'")


async def end_purpose(house: House, ana: Seat, ben: Seat, case: int, how: str) -> str:
    """End what a ticket rests on; return the rule that then refuses."""
    match how:
        case "stolen":
            await ben.session.call("claim_case", case, "she went home and the client waits")
        case "closed":
            await ana.session.call("close_case", case, "all is well again")
            return "closed"
        case "released":
            await ana.session.call("release", case)
        case "lapsed":
            house.ws.su.execute("UPDATE wsd.case_file SET lease_until = clock_timestamp() WHERE id = %s", (case,))
        case "disabled":
            house.ws.su.execute("UPDATE wsd.staff SET enabled = false WHERE login = 'ana'")
            return "disabled"
        case "other account":
            house.ws.su.execute("UPDATE wsd.case_file SET account_id = 'elsewhere' WHERE id = %s", (case,))
            return "view_no_purpose"
    return "not_holder"


@pytest.mark.parametrize("how", ["stolen", "disabled"])
async def test_a_stream_ends_with_a_clear_gap_when_the_purpose_does(house: House, how: str) -> None:
    who = f"W7{how}"
    house.accounts.known[who] = account(who)
    waiting = asyncio.Event()
    house.log.script = [Page(events=(event(1, who),), cursor="1"), waiting.wait, Page(events=(event(2, who),))]
    async with house.person("ana") as ana, house.person("ben") as ben:
        case = await ana.hold(who)
        timeline = await LocalTimelines(lambda: {"log": ana.events}, house.surroundings.clock).open(who, EVER)
        try:
            while not len(timeline.working):
                await timeline.news()
            await end_purpose(house, ana, ben, case, how)
            await asyncio.wait_for(timeline.loaded(), 30)
        finally:
            house.ws.su.execute("UPDATE wsd.staff SET enabled = true WHERE login = 'ana'")
        assert [timeline.working.snapshot().peek(row).id for row in range(len(timeline.working))] == ["e1"]
        assert timeline.lines[0].state is SourceState.FAILED
        (gap,) = timeline.gaps
        await timeline.aclose()
        assert gap.until_us == event(1, who).time_us
        assert ("hold no case" if how == "stolen" else "not enrolled") in gap.why
        await asyncio.wait_for(house.log.ended.wait(), 5)


async def test_a_stream_whose_ticket_runs_out_goes_on_with_the_next(house: House) -> None:
    house.accounts.known["W8"] = account("W8")

    async def runs_out() -> None:
        house.ws.su.execute("UPDATE wsd.view_ticket SET expires = clock_timestamp() WHERE account_id = 'W8'")
        house.log.script[1] = Page(events=(event(2, "W8"),))
        await asyncio.Event().wait()

    house.log.script = [Page(events=(event(1, "W8"),), cursor="1"), runs_out]
    async with house.person("ana") as ana:
        await ana.hold("W8")
        assert [e.id for e in await read_all(ana.events(), "W8")] == ["e1", "e2"]


async def test_who_goes_away_is_no_longer_read_for(house: House) -> None:
    house.accounts.known["W9"] = account("W9")
    house.log.script = [Page(events=(event(1, "W9"),), cursor="1"), asyncio.Event().wait]
    async with house.person("ana") as ana:
        await ana.hold("W9")
        pages = ana.events().pages("W9", EVER)
        assert (await anext(pages)).events[0].id == "e1"
        assert not house.log.ended.is_set()
        await pages.aclose()  # type: ignore[attr-defined]
        await asyncio.wait_for(house.log.ended.wait(), 5)


async def test_a_failed_source_is_a_gap_and_an_unknown_one_too(house: House) -> None:
    house.accounts.known["WA"] = account("WA")
    house.log.script = [
        Page(events=(event(1, "WA"),), cursor="1"),
        SourceDown("The log of carla.canarina@mail.invalid broke."),
    ]
    async with house.person("ana") as ana:
        await ana.hold("WA")
        with pytest.raises(SourceDown) as broken:
            await read_all(ana.events(), "WA")
        assert "The log of c••••@" in broken.value.what
        assert not leaked(broken.value.what.encode())
        with pytest.raises(SourceMissing):
            await read_all(ana.events("no such log"), "WA")


async def test_a_killed_reader_is_a_gap_and_comes_back(house: House, tmp_path: Any) -> None:
    other = House(house.ws, tmp_path / "o.sock")
    other.accounts.known["WB"] = account("WB")
    other.log.script = [Page(events=(event(1, "WB"),))]
    async with other.person("ana") as ana:
        await ana.hold("WB")
        for _ in range(2):
            with pytest.raises(SourceDown) as away:
                await read_all(ana.events(), "WB")
            assert "reader" in away.value.what
            with pytest.raises(SourceDown):
                await ReaderAccounts(ana.client).read("WB")
            async with other.open():
                assert [e.id for e in await read_all(ana.events(), "WB")] == ["e1"]
                assert (await ReaderAccounts(ana.client).read("WB")).etag == "v-WB"


async def test_a_ticket_shown_by_somebody_else_is_refused_and_told(house: House) -> None:
    """On one machine the socket says who asks; the first who shows a ticket is the only one who can."""
    house.accounts.known["WC"] = account("WC")
    async with house.person("ana") as ana:
        await ana.hold("WC")
        token = await ana.token("WC")
        assert (await ana.get("/v1/accounts/WC", token)).status_code == 200
        house.ws.su.execute("UPDATE wsd.view_ticket SET peer = 'uid 4242' WHERE account_id = 'WC'")
        said = await ana.get("/v1/accounts/WC", token)
        assert said.status_code == 403
        assert b"ticket_other_peer" in said.content
    assert "view.ticket_stolen" in alerts(house)


def alerts(house: House) -> list[str]:
    return [row[0] for row in house.ws.su.execute("SELECT kind FROM wsd.alert WHERE kind LIKE 'view.%'").fetchall()]


async def test_the_vips_account_is_reported_when_it_is_read(house: House) -> None:
    house.accounts.known["WD"] = account("WD", vip=True)
    async with house.person("ana") as ana:
        await ana.hold("WD")
        await ReaderAccounts(ana.client).read("WD")
    assert alerts(house) == ["view.vip"]


async def test_a_search_gives_ids_alone_counts_and_cannot_be_replayed(house: House) -> None:
    house.accounts.known |= {"WE": account("WE"), "WF": account("WF", username="elsewhere", contacts=())}
    async with house.person("ana") as ana:
        found = ReaderAccounts(ana.client)
        assert await found.find("carla.canarina@mail.invalid") == ("WE",)
        token = (await ana.tickets.search("elsewhere")).token
        assert (await ana.get("/v1/accounts", token, q="carlacan")).status_code == 403
        said = await ana.get("/v1/accounts", token, q="elsewhere")
        assert said.json() == {"accounts": ["WF"]}
        assert b"ticket_used" in (await ana.get("/v1/accounts", token, q="elsewhere")).content
        for _ in range(28):
            await ana.tickets.search("nobody")
        with pytest.raises(Refused) as over:
            await found.find("carlacan")
        assert over.value.rule == "view_budget"
    assert house.ws.su.execute("SELECT count(*) FROM wsd.view_ticket WHERE reason LIKE '%carla%'").fetchone() == (0,)


# -- masking ---------------------------------------------------------------------------------------


def leaked(body: bytes) -> list[str]:
    """Return the canaries in an answer, looking into what it carries in base64, too."""
    texts = [body]
    try:
        found: Any = msgspec.json.decode(body)
        lines = [found]
    except msgspec.DecodeError:
        lines = [msgspec.json.decode(line) for line in body.splitlines() if line.startswith(b"{")]
    for line in lines:
        for one in (line.get("page") or {}).get("events", ()) if isinstance(line, dict) else ():
            texts += [base64.b64decode(one.get("raw", ""))]
    return [c for c in CANARIES for text in texts if c in text.decode("utf-8", "replace").lower()]


def canary_account(who: str) -> Any:
    mark = "Carla Canarina, carla.canarina@mail.invalid, +4915123456789"
    return account(
        who,
        locks=(Lock(id="l", kind=LockKind.STAFF, set_at=NOW, reason=mark),),
        holds=(Hold(id="h", kind="staff", set_at=NOW, reason=mark),),
        factors=(Factor(id="f", kind="sms", label="+49 151 2345 6789"),),
        sessions=(SignIn(id="s", started_at=NOW, device="Carla Canarina's phone"),),
        standing=(Standing(id="t", kind="address", label=mark),),
        contacts=(
            *account(who).contacts,
            Contact(kind=ContactKind.EMAIL, value="carlacan@was.invalid", verified_at=NOW, replaced_at=NOW),
        ),
    )


def canary_events(who: str) -> tuple[Any, ...]:
    texts = (
        "Carla Canarina",
        "CANARINA",
        "carla.canarina@mail.invalid",
        "Carla.Canarina@MAIL.invalid",
        "other.person@elsewhere.invalid",
        "mailto:carla.canarina%40mail.invalid",
        "+49 151 2345 6789",
        "0151-2345-6789",
        "(0151) 23456789",
        "carlacan",
    )
    fields = ("reason", "account_name", "actor_name", "device", "user_agent", "target", "session", "factor", "city")
    found = []
    for number, text in enumerate(texts, 1):
        raw = msgspec.json.encode({"event.id": f"e{number}", "deep": {"list": [text, f"<{text}>"]}})
        found.append(event(number, who, raw=raw, **dict.fromkeys(fields, f"x {text} y")))
    return tuple(found)


async def test_no_canary_leaves_without_a_reveal(house: House) -> None:
    who = "CANARY"
    house.accounts.known[who] = canary_account(who)
    house.log.script = [Page(events=canary_events(who), partial=True, why="carla.canarina@mail.invalid timed out")]
    async with house.person("ana") as ana:
        case = await ana.hold(who)
        token = await ana.token(who)
        answers = await every_answer(ana, who, token)
        assert [status for status, _ in answers] == [200, 200, 200, 403, 200, 200]
        assert [leaked(body) for _, body in answers] == [[]] * len(answers)
        await ana.session.call("reveal", case, "email", REASON)
        said = await ana.get(f"/v1/accounts/{who}/fields/email", token)
        assert said.json() == {"values": ["carla.canarina@mail.invalid"]}
        # for that field alone, and everything else stays as it was
        assert (await ana.get(f"/v1/accounts/{who}/fields/phone", token)).status_code == 403
        assert not leaked((await ana.get(f"/v1/accounts/{who}", token)).content)
        async with house.person("ana") as second:
            second.purposes.cases |= ana.purposes.cases
            assert (await second.get(f"/v1/accounts/{who}/fields/email", await second.token(who))).status_code == 403
        revealed(house)
        assert (await ana.get(f"/v1/accounts/{who}/fields/email", token)).status_code == 403
    for line in house.lines:
        assert not [c for c in CANARIES if c in repr(line).lower()]
        assert token not in repr(line)


def revealed(house: House) -> None:
    """Let a minute pass for every reveal."""
    house.ws.su.execute("SET session_replication_role = replica")
    house.ws.su.execute("UPDATE wsd.reveal_grant SET until = clock_timestamp()")
    house.ws.su.execute("SET session_replication_role = origin")


async def test_what_is_pinned_is_the_record_itself_and_never_came_here(house: House) -> None:
    who = "PINNED"
    house.accounts.known[who] = canary_account(who)
    original = canary_events(who)[0]
    house.log.script = [Page(events=canary_events(who))]
    async with house.person("ana") as ana:
        case = await ana.hold(who)
        shown = (await read_all(ana.events(), who))[0]
        assert shown.raw != original.raw
        assert shown.sha256 == original.sha256
        pin = await ReaderSight(ana.client).pin(case, who, shown)
        assert (pin.sha256, pin.added_by) == (original.sha256, "ana")
        assert not leaked(pin.summary.encode())
        kept = house.ws.su.execute("SELECT raw FROM wsd.evidence WHERE id = %s", (pin.id,)).fetchone()
        assert kept is not None
        assert bytes(kept[0]) == original.raw
        with pytest.raises(SourceMissing):
            await ReaderSight(ana.client).pin(case, who, msgspec.structs.replace(shown, id="e99"))


async def test_without_the_account_names_cannot_be_known_so_texts_are_withheld(house: House) -> None:
    who = "BLIND"
    house.accounts.failure = SourceDown("The account system is away.")
    house.log.script = [Page(events=canary_events(who))]
    async with house.person("ana") as ana:
        await ana.hold(who)
        found = await read_all(ana.events(), who)
        assert len(found) == len(canary_events(who))
        assert all(e.raw == b"" and e.action == "sign_in" for e in found)
        assert found[0].sha256 == canary_events(who)[0].sha256
        assert {e.account_name for e in found} == {"••••"}


async def test_mail_goes_where_the_reader_says_and_the_address_never_came_here(house: House) -> None:
    who = "MAILED"
    house.accounts.known[who] = account(who)
    await house.gate.serves()
    try:
        async with house.person("ana") as ana:
            case = await ana.hold(who)
            mail = (f"<ws.{1:032x}@x.invalid>", "evil@attacker.invalid", "Subject", "Hello {name},", "en")
            with pytest.raises(Refused) as unknown:
                await ana.session.call("send_mail", case, *mail)
            assert unknown.value.rule == "recipient_unknown"
            to = await ReaderSight(ana.client).addressee(case, who, NOW)
            assert to is not None
            assert (to.address, to.masked, to.name) == ("", "c••••@mail.invalid", "{name}")
            row = await ana.session.call("send_mail", case, *mail)
            assert (row["recipient"], row["body"]) == ("c••••@mail.invalid", "Hello Carla,")
            sent = house.ws.su.execute("SELECT recipient FROM wsd.mail WHERE id = %s", (row["id"],)).fetchone()
            assert sent == ("carla.canarina@mail.invalid",)
            house.ws.client_wrote(case, "carla.canarina@mail.invalid")
            house.ws.client_wrote(case, "carla.canarina@other.invalid")
            await ana.session.call("open_case", case)
            thread = await ana.session.call("thread", case)
            assert [(m["sender"], m["from_record"]) for m in thread][1:] == [
                ("c••••@mail.invalid", True),
                ("c••••@other.invalid", False),
            ]
            # what people did by themselves before there was a reader, they cannot any more
            denied = "SELECT ws.pin(%s, 'log', 'e', 's', '\\x01')"
            assert answer(house.ws.desk("ana"), denied, case) == "DENIED:reader_only"
            assert answer(house.ws.desk("ana"), f"SELECT ws.imported('{who}', 0, 1, NULL, '', 1)") == "42501"
    finally:
        house.ws.su.execute("SELECT ws.read_directly()")


async def test_risk_comes_masked_and_a_reason_opens_an_account(house: House) -> None:
    house.accounts.known["WG"] = account("WG")
    async with house.person("carla") as carla:
        carla.purposes.reasons["WG"] = REASON
        risk = await ReaderRisk(carla.client).risk("WG")
        assert risk.reasons[0].text == "Signed in as C•••• C••••"
        assert (await ReaderAccounts(carla.client).read("WG")).name == "C•••• C••••"
    assert "view.reason" in alerts(house)


async def test_a_typed_reason_is_for_one_look(house: House) -> None:
    house.accounts.known["WI"] = account("WI")
    async with house.person("ana") as ana:
        ana.purposes.reasons["WI"] = REASON
        accounts = ReaderAccounts(ana.client)
        await accounts.read("WI")
        house.ws.su.execute("UPDATE wsd.view_ticket SET expires = clock_timestamp() WHERE account_id = 'WI'")
        for _ in range(2):
            with pytest.raises(Refused) as over:
                await accounts.read("WI")
            assert over.value.rule == "ticket_expired"
        ana.purposes.reasons["WI"] = "because the client rang once more about it"
        assert (await accounts.read("WI")).id == "WI"


async def test_an_imported_record_never_passes_for_the_logs_own(house: House) -> None:
    who = "WJ"
    house.accounts.known[who] = account(who)
    forged = event(1, who)
    record = {"@timestamp": "1970-01-01T00:00:09.999999Z", "event.id": "e1", "event.dataset": "the log"}
    raw = msgspec.json.encode({**record, "event.action": "identity.proofed", "user.name": "Carla Canarina"})
    house.log.script = [Page(events=(forged,))]
    house.sources["imported"] = ImportedEvents(house.gate.imported)
    async with house.person("ana") as ana:
        case = await ana.hold(who)
        await ana.session.rows("import_events", case, "ecs", ["e1"], [forged.time_us], [raw])
        (shown,) = await read_all(ana.events("imported"), who)
        assert shown.source == "imported:the log"
        assert not leaked(shown.raw)
        pin = await ReaderSight(ana.client).pin(case, who, shown)
        assert pin.source == "imported:the log"
        as_the_log = msgspec.structs.replace(shown, source="the log")
        assert (await ReaderSight(ana.client).pin(case, who, as_the_log)).sha256 == forged.sha256


async def test_the_same_reader_says_no_more_than_what_was_asked(house: House) -> None:
    house.accounts.known["WH"] = account("WH")
    house.log.script = [Page(events=(event(1, "WH"), event(9, "WH")))]
    async with house.person("ana") as ana:
        await ana.hold("WH")
        one = Span(10_000_000 - 1, 10_000_000)
        assert [e.id for e in await read_all(ana.events(), "WH", one)] == ["e1"]
        token = await ana.token("WH")
        odd = await ana.get("/v1/accounts/WH/events", token, source="the log", since="x", until="y")
        assert odd.status_code == 400
        assert (await ana.post("/v1/accounts/WH/pins", token, b"x" * 5000)).status_code == 400
        with pytest.raises((Refused, SourceDenied)):
            await ReaderAccounts(ana.client).read("not opened")
