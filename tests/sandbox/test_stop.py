"""The page on which a client says no, and a freeze that ends by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from workstation.sandbox import stop
from workstation.sandbox.letters import BRAND, MX, SUPPORT
from workstation.services.connectors.mailboxes.maildir import MaildirMailbox
from workstation.services.mail.message import build
from workstation.services.mail.ports import House as Sender
from workstation.services.mail.ports import OutRow
from workstation.services.mail.templates import with_stop_link

from . import contract
from .conftest import TOKENS, House

TOKEN = "A" * 118


async def answers(house: House, cursor: str = "") -> list[str]:
    got = await house.get("/v1/vetoes", TOKENS.write, **({"cursor": cursor} if cursor else {}))
    contract.check(got)
    return [answer["token"] for answer in got.json()["answers"]]


class TestThePage:
    async def test_looking_stops_nothing_and_the_button_does(self, house: House) -> None:
        page = await house.http.get("/sandbox/stop", params={"t": TOKEN})
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["referrer-policy"] == "no-referrer"
        assert await answers(house) == []
        assert (await house.http.post("/sandbox/stop", json={"token": TOKEN})).status_code == 200
        assert await answers(house) == [TOKEN]

    async def test_pages_go_on_where_they_ended(self, house: House) -> None:
        for n in range(stop.PAGE + 5):
            await house.http.post("/sandbox/stop", json={"token": f"token-{n}"})
        first = (await house.get("/v1/vetoes", TOKENS.write)).json()
        assert len(first["answers"]) == stop.PAGE
        assert await answers(house, first["next"]) == [f"token-{n}" for n in range(stop.PAGE, stop.PAGE + 5)]
        last = (await house.get("/v1/vetoes", TOKENS.write, cursor=first["next"])).json()["next"]
        assert await answers(house, last) == []

    async def test_only_the_write_token_reads_and_a_cursor_is_a_number(self, house: House) -> None:
        denied = await house.get("/v1/vetoes", TOKENS.read)
        assert denied.status_code == 403
        contract.check(denied)
        wrong = await house.get("/v1/vetoes", TOKENS.write, cursor="0; DROP")
        assert wrong.status_code == 400
        contract.check(wrong)

    @pytest.mark.parametrize("body", [{}, {"token": ""}, {"token": "x" * 401}, {"token": 5}, {"token": "x", "more": 1}])
    async def test_anything_else_is_not_kept(self, house: House, body: dict[str, object]) -> None:
        assert (await house.http.post("/sandbox/stop", json=body)).status_code == 400
        assert await answers(house) == []

    async def test_it_does_not_fill_the_disk(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stop, "KEPT", 2)
        codes = [(await house.http.post("/sandbox/stop", json={"token": f"t{n}"})).status_code for n in range(3)]
        assert codes == [200, 200, 503]


@pytest.mark.parametrize(("scenario", "stops"), [("impostor", True), ("lost_phone", False)])
async def test_who_did_not_ask_stops_it(house: House, scenario: str, stops: bool) -> None:
    account = house.account_of(scenario)
    address = next(c.value for c in house.record(account).account.contacts if c.kind == "email")
    words = with_stop_link("de", {"name": "A", "ref": "CS-1"}, f"http://127.0.0.1:1/sandbox/stop?t={TOKEN}")
    row = OutRow(
        id=1, case_ref="CS-1", message_id="<ws.00000000000000000000000000000001@exchange.example>", recipient=address,
        subject=words.subject, body=words.body, language="de", in_reply_to="", refs="", created=house.clock.now(),
    )  # fmt: skip
    letter = build(row, house=Sender(brand=BRAND, address=SUPPORT, authserv=MX), now=house.clock.now(), key=b"k" * 32)
    await MaildirMailbox(house.directory / "mail").send(letter.raw, letter.recipient)
    house.post.step(house.now_us)
    assert await answers(house) == ([TOKEN] if stops else [])


async def test_a_freeze_that_ends_by_itself(house: House) -> None:
    account = house.account_of("false_positive_lock")
    before = len(house.record(account).account.holds)
    until = (house.clock.now() + timedelta(hours=48)).isoformat()
    contract.check(await house.act(account, "freeze_withdrawals", {"until": until}))
    holds = house.record(account).account.holds
    assert len(holds) == before + 1
    assert holds[-1].until == house.clock.now() + timedelta(hours=48)
    shorter = (house.clock.now() + timedelta(hours=1)).isoformat()
    await house.act(account, "freeze_withdrawals", {"until": shorter})
    assert len(house.record(account).account.holds) == before + 1
    longer = (house.clock.now() + timedelta(hours=72)).isoformat()
    await house.act(account, "freeze_withdrawals", {"until": longer})
    await house.act(account, "freeze_withdrawals", {})
    assert [h.until for h in house.record(account).account.holds[before:]][-1] is None
    for wrong in ("yesterday", "2001-01-01T00:00:00Z"):
        refused = await house.act(account, "freeze_withdrawals", {"until": wrong})
        assert refused.status_code in (400, 409)
    assert (await house.act(account, "lock", {"until": until})).status_code == 400


async def test_the_account_says_what_the_carrier_and_the_log_know(house: House) -> None:
    swapped = {t["account"] for t in house.truth if t["scenario"] == "sim_swap"}
    for account in [t["account"] for t in house.truth]:
        found = await house.account(account)
        assert found.password_changed_at is not None
        if found.sim == "swapped":
            assert account in swapped
            assert found.sim_changed_at is not None
        assert found.sim in (("swapped", "unknown") if account in swapped else ("unchanged",))
