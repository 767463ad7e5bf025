"""From ``[[logs]]`` tables and secrets to sources, and what doctor says of them."""

from __future__ import annotations

import base64
from importlib import import_module
from typing import Any, get_args

import httpx
import pytest

from tests.connectors.exchange import READ, Exchange
from tests.connectors.wire import NOON, surroundings
from workstation.services import connect
from workstation.services.clock import FrozenClock
from workstation.services.connectors.logs.access import credential, secret_names
from workstation.services.connectors.logs.check import check
from workstation.services.connectors.logs.registry import MODULES, source
from workstation.services.errors import Invalid, NotSignedIn, SourceDenied, SourceMissing, WorkstationError
from workstation.services.vault import MemoryVault
from workstation.settings import (
    LogKind,
    LogSettings,
    MappingSettings,
    OpenSearchSettings,
    Settings,
    StoreSettings,
)

from .search_store import SearchStore
from .test_search import documents

CLOCK = FrozenClock(NOON)


@pytest.mark.parametrize("kind", ["contract", "opensearch", "okta", "postgres", "files"])
def test_a_kind_has_a_module_that_makes_its_source(kind: str) -> None:
    assert callable(import_module(MODULES[kind]).source)


def test_every_kind_is_known() -> None:
    assert {*MODULES, "keycloak"} == {*get_args(LogKind)}


@pytest.mark.parametrize("kind", ["opensearch", "postgres", "files"])
def test_a_table_without_its_own_part_is_refused_with_what_to_add(kind: Any) -> None:
    table = LogSettings(name="auth", kind=kind, url="https://logs.example.test", user="reader")
    with pytest.raises(Invalid) as caught:
        source(table, "s", surroundings())
    assert caught.value.hint


@pytest.mark.parametrize(
    ("table", "header"),
    [
        ({}, "Bearer key"),
        ({"user": "me"}, "Basic " + base64.b64encode(b"me:key").decode()),
        ({"auth": "api_key"}, "ApiKey key"),
        ({"auth": "ssws"}, "SSWS key"),
        ({"auth": "bearer", "user": "me"}, "Bearer key"),
        ({"auth": "none"}, ""),
    ],
)
async def test_how_a_secret_travels(table: dict[str, Any], header: str) -> None:
    assert await credential(LogSettings(name="a", **table), "key").header() == header


@pytest.mark.parametrize(
    ("table", "secret"), [({"auth": "basic"}, "s"), ({"user": "a:b"}, "s"), ({}, "two\r\nlines"), ({}, "schlüssel")]
)
def test_what_no_header_may_hold_is_refused_without_being_quoted(table: dict[str, Any], secret: str) -> None:
    with pytest.raises(Invalid) as caught:
        credential(LogSettings(name="a", **table), secret)
    assert secret not in caught.value.sentence() or secret == "s"


def settings(*logs: LogSettings) -> Settings:
    return Settings(store=StoreSettings(url="x"), logs=logs)


async def test_a_source_uses_its_own_secret_and_else_the_common_one() -> None:
    vault = MemoryVault()
    for name in ("accounts:read", "logs:read", "logs:okta:read"):
        await vault.put(name, f"of {name}")
    chosen = settings(
        LogSettings(name="okta", kind="okta"), LogSettings(name="app"), LogSettings(name="f", kind="files")
    )
    assert set(await connect.read_tokens(chosen, vault)) == {"accounts:read", "logs:read", "logs:okta:read"}
    await vault.delete("logs:read")
    with pytest.raises(NotSignedIn, match="logs:app:read or logs:read"):
        await connect.read_tokens(chosen, vault)
    assert {"logs:okta:read", "logs:app:read"} < set(connect.read_names(chosen))


def test_what_needs_no_secret_asks_for_none() -> None:
    for table in ({"kind": "keycloak"}, {"kind": "files"}, {"auth": "none"}):
        assert secret_names(LogSettings(name="a", **table)) == ()  # type: ignore[arg-type]


async def looked(server: Any, **table: Any) -> tuple[str, str]:
    made = {"kind": "opensearch", "opensearch": OpenSearchSettings(index="auth"), **table}
    chosen = LogSettings(name="auth", url="https://logs.example.test", **made)
    return await check(source(chosen, READ, surroundings(server)), chosen, "00000000", CLOCK)


async def test_doctor_says_what_a_store_is_and_what_its_records_lack() -> None:
    said, empty = await looked(SearchStore(documents()))
    assert said.startswith("OpenSearch 2.19.6 answers") and empty == "source.ip, user_agent.original"
    assert "AA71N84G" not in said
    said, empty = await looked(SearchStore([]))
    assert "no record yet" in said and not empty


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401, html="<html>"), SourceDenied),
        (httpx.Response(404, json={"error": {"type": "index_not_found_exception"}}), SourceMissing),
    ],
)
async def test_doctor_says_what_is_wrong(answer: httpx.Response, error: type[WorkstationError]) -> None:
    with pytest.raises(error) as caught:
        await looked(lambda request: httpx.Response(answer.status_code, content=answer.content, headers=answer.headers))
    assert caught.value.hint


async def test_doctor_names_records_that_the_mapping_does_not_fit() -> None:
    with pytest.raises(WorkstationError):
        await looked(SearchStore(documents()), mapping=MappingSettings(records="okta"))


async def test_doctor_takes_an_unknown_account_for_an_answer() -> None:
    chosen = LogSettings(name="app", url="https://accounts.example.test/base")
    said, _ = await check(source(chosen, READ, surroundings(Exchange())), chosen, "00000000", CLOCK)
    assert said == "answers, and may be read"
