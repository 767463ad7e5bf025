"""The published contract: valid in itself, the same as our models, and kept by the sandbox."""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from datetime import timedelta

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from workstation.sandbox.risk import rules
from workstation.sandbox.vocabulary import DATASETS
from workstation.services.accounts import model
from workstation.services.acts.control import Act
from workstation.services.timeline.event import FIELDS

from . import contract
from .conftest import NOW, TOKENS, House


class TestDocument:
    def test_is_openapi(self) -> None:
        OpenAPIV31SpecValidator(contract.SPEC).validate()

    def test_examples_keep_their_schemas(self) -> None:
        seen = 0
        for item in contract.SPEC["paths"].values():
            for op in (o for name, o in item.items() if name != "parameters"):
                bodies = (
                    [op["requestBody"], *op["responses"].values()] if "requestBody" in op else op["responses"].values()
                )
                for body in map(contract.resolve, bodies):
                    for media in body["content"].values():
                        for example in map(contract.resolve, media.get("examples", {}).values()):
                            contract.validate(example["value"], media["schema"]["$ref"].removeprefix("#"))
                            seen += 1
        assert seen > 20

    def test_enumerations_are_those_of_the_models(self) -> None:
        schemas = contract.SPEC["components"]["schemas"]
        assert set(schemas["Account"]["properties"]["status"]["enum"]) == set(model.Status) - {model.Status.UNKNOWN}
        assert set(schemas["Contact"]["properties"]["kind"]["enum"]) == set(model.ContactKind)
        assert set(schemas["Lock"]["properties"]["kind"]["enum"]) == set(model.LockKind)
        assert set(schemas["ActName"]["enum"]) == set(Act)

    @pytest.mark.parametrize(
        "struct",
        [model.Account, model.Contact, model.Lock, model.Hold, model.Factor, model.Session, model.Standing, model.Risk],
    )
    def test_fields_are_those_of_the_models(self, struct: type[msgspec.Struct]) -> None:
        described = contract.SPEC["components"]["schemas"][struct.__name__]["properties"]
        assert set(described) == set(struct.__struct_fields__)

    def test_events_have_the_timelines_fields(self) -> None:
        described = contract.SPEC["components"]["schemas"]["Event"]["properties"]
        assert set(described) == {*FIELDS, "@timestamp", "event.ingested"}

    @pytest.mark.parametrize("act", ["unlock", "lift_hold", "remove_factor"])
    def test_parameters_of_acts_are_closed(self, act: str) -> None:
        import jsonschema

        with pytest.raises(jsonschema.ValidationError):
            contract.validate({"act": act, "params": {"other": "x"}, "reason": ""}, "/components/schemas/ActRequest")


class TestReading:
    async def test_every_account_keeps_the_contract(self, house: House) -> None:
        for truth in house.truth:
            path = f"/v1/accounts/{truth['account']}"
            answer = await house.get(path)
            assert answer.status_code == 200
            assert answer.headers["etag"] == f'"{answer.json()["etag"]}"'
            assert (await house.get(f"{path}/risk")).status_code == 200
            assert (await house.get(f"{path}/events", limit=60)).status_code == 200

    async def test_pages_give_everything_once_newest_first(self, house: House) -> None:
        account = house.account_of("phished_password")
        whole = (await house.get(f"/v1/accounts/{account}/events", limit=1000)).json()["events"]
        got: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await house.get(f"/v1/accounts/{account}/events", limit=17, **cursor)).json()
            got += [e["event.id"] for e in page["events"]]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert got[: len(whole)] == [e["event.id"] for e in whole]
        assert len(got) == len(set(got)) >= len(whole)
        assert [e["@timestamp"] for e in whole] == sorted((e["@timestamp"] for e in whole), reverse=True)

    async def test_a_new_event_does_not_disturb_paging(self, house: House) -> None:
        account = house.account_of("lost_phone")
        first = (await house.get(f"/v1/accounts/{account}/events", limit=3)).json()
        await house.act(account, "lock")
        second = (await house.get(f"/v1/accounts/{account}/events", limit=3, cursor=first["next"])).json()
        ids = [e["event.id"] for e in first["events"] + second["events"]]
        assert len(ids) == len(set(ids)) == 6
        assert all(e["event.action"] != "account.locked" for e in second["events"])

    async def test_one_log_and_one_span_can_be_asked_for(self, house: House) -> None:
        account = house.account_of("new_country")
        counts = []
        for dataset in DATASETS:
            page = (await house.get(f"/v1/accounts/{account}/events", dataset=dataset, limit=1000)).json()
            assert {e["event.dataset"] for e in page["events"]} == {dataset}
            counts.append(len(page["events"]))
        since, until = NOW - timedelta(days=30), NOW - timedelta(days=1)
        span = {"since": since.isoformat(), "until": until.isoformat()}
        some = (await house.get(f"/v1/accounts/{account}/events", limit=1000, **span)).json()["events"]
        bounds = since.isoformat()[:19], until.isoformat()[:19]
        assert 0 < len(some) < sum(counts)
        assert all(bounds[0] <= e["@timestamp"][:19] <= bounds[1] for e in some)

    async def test_finds_by_id_name_and_every_address(self, house: House) -> None:
        account = await house.account(house.account_of("mailbox_first"))
        emails = [c.value for c in account.contacts if c.kind == "email"]
        for text in (account.id, account.username, *emails):
            assert (await house.get("/v1/accounts", q=text)).json() == {"accounts": [account.id]}
        assert (await house.get("/v1/accounts", q=account.username[:-1])).json() == {"accounts": []}

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": "0"},
            {"limit": "1001"},
            {"limit": "x"},
            {"since": "yesterday"},
            {"cursor": "?"},
            {"cursor": "AAAA"},
        ],
    )
    async def test_bad_questions_are_refused(self, house: House, query: dict[str, str]) -> None:
        account = house.account_of("lost_phone")
        assert (await house.get(f"/v1/accounts/{account}/events", **query)).status_code == 400

    async def test_nobody_is_not_found(self, house: House) -> None:
        for path in ("", "/events", "/risk"):
            assert (await house.get(f"/v1/accounts/ZZZZZZZZ{path}")).status_code == 404
        assert (await house.get("/v1/accounts")).status_code == 400

    async def test_the_truth_is_never_served(self, house: House) -> None:
        secrets = [house.head(t["account"]).password for t in house.truth]
        # Two scenarios share their names with rules of the risk engine, which sees the log and nothing else.
        words = {t["scenario"] for t in house.truth} - {"none"} - {r.code for r in rules().rule} | set(secrets)
        assert len(words) > 40
        for truth in house.truth:
            for path in ("", "/risk", "/events"):
                text = (await house.get(f"/v1/accounts/{truth['account']}{path}", limit=40)).text
                assert not [w for w in words if w in text]


class TestTokens:
    @pytest.mark.parametrize("path", ["", "/{a}", "/{a}/events", "/{a}/risk"])
    async def test_reading_wants_the_read_token(self, house: House, path: str) -> None:
        path = "/v1/accounts" + path.format(a=house.account_of("lost_phone"))
        assert (await house.get(path, TOKENS.write, q="x")).status_code == 403
        assert (await house.get(path, "somebody-elses", q="x")).status_code == 401
        assert (await house.http.get(path)).status_code == 401

    async def test_acting_wants_the_write_token(self, house: House) -> None:
        account = house.account_of("lost_phone")
        key = str(uuid.uuid4())
        assert (await house.get(f"/v1/acts/{key}", TOKENS.read)).status_code == 403
        assert (await house.get(f"/v1/acts/{key}", TOKENS.write)).status_code == 404
        for token, status in ((TOKENS.read, 403), ("x", 401)):
            headers = {"Authorization": f"Bearer {token}"}
            answer = await house.http.post(f"/v1/accounts/{account}/acts", json={}, headers=headers)
            assert answer.status_code == status

    async def test_another_host_is_not_served(self, house: House) -> None:
        answer = await house.http.get("/sandbox/session/x", headers={"Host": "evil.example"})
        assert answer.status_code == 400


class TestActing:
    async def test_headers_and_body_are_asked_for(self, house: House) -> None:
        account = house.account_of("lost_phone")
        etag, url = house.record(account).account.etag, f"/v1/accounts/{account}/acts"
        good = {
            "Authorization": f"Bearer {TOKENS.write}",
            "Idempotency-Key": str(uuid.uuid4()),
            "If-Match": f'"{etag}"',
        }
        body = {"act": "lock", "params": {}, "reason": "x"}

        async def post(headers: dict[str, str], body: object = body) -> int:
            return (await house.http.post(url, json=body, headers=headers)).status_code

        def without(name: str) -> dict[str, str]:
            return {k: v for k, v in good.items() if k != name}

        assert await post(without("Idempotency-Key")) == 400
        assert await post(good | {"Idempotency-Key": "one"}) == 400
        assert await post(without("If-Match")) == 428
        for stale in ('"v0-000"', f'W/"{etag}"', "*", etag):
            assert await post(good | {"If-Match": stale}) == 412
        for bad in (
            [],
            body | {"act": "delete"},
            body | {"params": {"factor": "x"}},
            body | {"act": "lift_hold"},
            body | {"more": 1},
            {"act": "lock"},
        ):
            assert await post(good, bad) == 400
        json_type = good | {"Content-Type": "application/json"}
        assert (await house.http.post(url, content=b"{", headers=json_type)).status_code == 400
        assert (await house.http.post(url, content=b"act=lock", headers=good)).status_code == 415
        huge = b'"' + b"x" * 70_000 + b'"'
        assert (
            await house.http.post(url, content=huge, headers=good | {"Content-Type": "application/json"})
        ).status_code == 413
        assert (await house.get(f"/v1/acts/{good['Idempotency-Key']}", TOKENS.write)).status_code == 404
        assert house.record(account).account.etag == etag
        assert await post(good) == 200

    async def test_the_same_key_gets_the_same_answer(self, house: House) -> None:
        account, key = house.account_of("family_device"), str(uuid.uuid4())
        etag = house.record(account).account.etag
        first = await house.act(account, "lock", key=key, etag=etag)
        await house.act(account, "unlock")
        again = await house.act(account, "lock", key=key, etag=etag)
        assert first.content == again.content
        assert (await house.account(account)).status == "active"
        asked = await house.get(f"/v1/acts/{key}", TOKENS.write)
        assert asked.content == first.content
        assert (await house.act(account, "end_sessions", key=key)).status_code == 422
        assert (await house.act(house.account_of("lost_phone"), "lock", key=key)).status_code == 422

    async def test_what_does_not_apply_changes_nothing(self, house: House) -> None:
        account = house.account_of("family_device")
        before = house.record(account).account
        assert (await house.act(account, "remove_factor", {"factor": "fa-00000000"})).status_code == 409
        assert (await house.act(account, "lift_hold", {"hold": "hd-00000000"})).status_code == 409
        assert (await house.act(account, "unlock")).status_code == 409
        assert (await house.act(account, "remove_client_lock")).status_code == 403
        assert (await house.act("ZZZZZZZZ", "lock", etag="x")).status_code == 404
        assert house.record(account).account == before

    async def test_many_at_once_act_once(self, house: House) -> None:
        account, key = house.account_of("family_device"), str(uuid.uuid4())
        etag = house.record(account).account.etag
        posts = [house.act(account, "freeze_withdrawals", key=key, etag=etag) for _ in range(8)]
        answers = await asyncio.gather(*posts)
        assert {a.status_code for a in answers} == {200}
        assert len({a.content for a in answers}) == 1
        assert [h.kind for h in house.record(account).account.holds] == ["staff"]
        assert [a for a, _, _ in house.actions(account)].count("hold.placed") == 1

    async def test_of_many_keys_at_one_version_one_acts(self, house: House) -> None:
        account = house.account_of("family_device")
        etag = house.record(account).account.etag
        answers = await asyncio.gather(*(house.act(account, "lock", etag=etag) for _ in range(8)))
        assert sorted(a.status_code for a in answers) == [200] + [412] * 7

    async def test_a_busy_state_is_said_to_be_busy(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("workstation.sandbox.store.WAIT_S", 0.01)
        account = house.account_of("family_device")
        holder = sqlite3.connect(house.directory / "exchange.sqlite3", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        answer = await house.act(account, "lock")
        holder.execute("ROLLBACK")
        holder.close()
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert (await house.act(account, "lock")).status_code == 200
