"""The real process: ready, killed, restarted, orphaned."""

from __future__ import annotations

import concurrent.futures
import json
import os
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from . import contract
from .conftest import SEED

pytestmark = pytest.mark.long

DEADLINE_S = 20.0


class Process:
    """The server of a directory, as somebody would start it."""

    def __init__(self, directory: Path, port: int = 0) -> None:
        self.directory = directory
        ready = directory / "sandbox.json"
        ready.unlink(missing_ok=True)
        argv = [sys.executable, "-m", "workstation.sandbox.server", "--dir", str(directory)]
        argv += ["--seed", str(SEED), "--port", str(port)]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        # Its first line comes after it has told where it listens.
        assert self.process.stdout is not None
        self.first = json.loads(self.process.stdout.readline() or "{}")
        assert self.first.get("event") == "ready", self.first
        said = json.loads(ready.read_bytes())
        assert said["pid"] == self.process.pid
        self.url: str = said["url"]
        self.tokens = json.loads((directory / "sandbox-tokens.json").read_bytes())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def client(self, token: str) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.tokens[token]}"})

    def etag(self, account: str) -> str:
        with self.client("read") as http:
            return str(http.get(f"/v1/accounts/{account}").json()["etag"])

    def post(self, account: str, act: str, key: str, etag: str) -> httpx.Response:
        with self.client("write") as http:
            answer = http.post(
                f"/v1/accounts/{account}/acts",
                json={"act": act, "params": {}, "reason": "a test"},
                headers={"Idempotency-Key": key, "If-Match": f'"{etag}"'},
            )
        contract.check(answer)
        return answer


@pytest.fixture
def place(born: Path, tmp_path: Path) -> Path:
    directory = tmp_path / "exchange"
    shutil.copytree(born, directory)
    return directory


@pytest.fixture
def server(place: Path) -> Iterator[Process]:
    running = Process(place)
    yield running
    running.kill()


def account_of(place: Path, scenario: str) -> str:
    truth: list[dict[str, Any]] = json.loads((place / "truth.json").read_bytes())
    return str(next(t["account"] for t in truth if t["scenario"] == scenario))


def events(place: Path, account: str, action: str) -> int:
    connection = sqlite3.connect(place / "exchange.sqlite3")
    query = "SELECT count(*) FROM event WHERE account = ? AND action = ?"
    (found,) = connection.execute(query, (account, action)).fetchone()
    connection.close()
    return int(found)


def test_is_private_and_stops_cleanly(server: Process) -> None:
    for name in ("sandbox.json", "sandbox-tokens.json", "truth.json", "exchange.sqlite3"):
        assert (server.directory / name).stat().st_mode & 0o077 == 0
    assert server.url.startswith("http://127.0.0.1:")
    with server.client("read") as http:
        contract.check(http.get("/v1/accounts", params={"q": "x"}))
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(DEADLINE_S) == 0
    assert not (server.directory / "sandbox.json").exists()


def test_eight_at_once_act_once(server: Process) -> None:
    account, key = account_of(server.directory, "family_device"), str(uuid.uuid4())
    etag, together = server.etag(account), threading.Barrier(8)

    def post(_: int) -> httpx.Response:
        together.wait(DEADLINE_S)
        return server.post(account, "freeze_withdrawals", key, etag)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert {a.status_code for a in answers} == {200}
    assert len({a.content for a in answers}) == 1
    assert events(server.directory, account, "hold.placed") == 1


def test_killed_between_act_and_answer_it_has_acted_once(server: Process) -> None:
    account, key = account_of(server.directory, "family_device"), str(uuid.uuid4())
    etag = server.etag(account)
    body = json.dumps({"act": "lock", "params": {}, "reason": "a test"}).encode()
    head = (
        f"POST /v1/accounts/{account}/acts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f'Authorization: Bearer {server.tokens["write"]}\r\nIdempotency-Key: {key}\r\nIf-Match: "{etag}"\r\n'
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as wire:
        wire.sendall(head.encode() + body)
        # The answer is never read: what the caller knows is that it sent the request. The state is watched instead.
        state = sqlite3.connect(server.directory / "exchange.sqlite3")
        while state.execute("SELECT count(*) FROM receipt").fetchone() == (0,):
            assert server.process.poll() is None
        server.kill()
        state.close()
    again = Process(server.directory)
    try:
        with again.client("write") as http:
            told = http.get(f"/v1/acts/{key}")
        contract.check(told)
        assert told.status_code == 200
        assert again.post(account, "lock", key, etag).content == told.content
        assert again.etag(account) == told.json()["etag"]
        assert events(server.directory, account, "account.locked") == 1
    finally:
        again.kill()


def test_killed_before_the_act_it_never_arrived(server: Process) -> None:
    account, key = account_of(server.directory, "family_device"), str(uuid.uuid4())
    etag = server.etag(account)
    holder = sqlite3.connect(server.directory / "exchange.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")  # the act waits inside its transaction
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(server.post, account, "lock", key, etag)
        assert not sent.done()
        server.kill()
        with pytest.raises(httpx.TransportError):
            sent.result(DEADLINE_S)
    holder.execute("ROLLBACK")
    holder.close()
    again = Process(server.directory)
    try:
        with again.client("write") as http:
            assert http.get(f"/v1/acts/{key}").status_code == 404
        assert again.etag(account) == etag
        assert again.post(account, "lock", key, etag).status_code == 200
    finally:
        again.kill()


def test_people_live_while_it_runs(server: Process) -> None:
    account = account_of(server.directory, "false_positive_lock")
    assert server.post(account, "unlock", str(uuid.uuid4()), server.etag(account)).status_code == 200
    state = sqlite3.connect(server.directory / "exchange.sqlite3", timeout=DEADLINE_S)
    with state:
        state.execute("UPDATE errand SET due_us = 0")  # now rather than in some seconds
    while state.execute("SELECT count(*) FROM errand WHERE done = 0").fetchone() != (0,):
        assert server.process.poll() is None
    state.close()
    with server.client("read") as http:
        sessions = http.get(f"/v1/accounts/{account}").json()["sessions"]
    assert len(sessions) == 1


def test_keeps_its_port_and_tokens_over_a_restart(server: Process) -> None:
    server.kill()
    port = int(server.url.rpartition(":")[2])
    again = Process(server.directory, port)
    try:
        assert (again.url, again.tokens) == (server.url, server.tokens)
        second = subprocess.run(
            [sys.executable, "-m", "workstation.sandbox.server", "--dir", str(server.directory), "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )
        assert second.returncode == 1
        assert json.loads(second.stdout)["event"] == "failed"
    finally:
        again.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="a process that is not ours is watched by its pidfd")
def test_dies_with_its_parent(place: Path) -> None:
    starter = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'workstation.sandbox.server', '--dir', "
        "sys.argv[1]], stdout=subprocess.PIPE); p.stdout.readline(); print(p.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", starter, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    watched = os.pidfd_open(int(parent.stdout.readline()))
    parent.kill()
    parent.wait(DEADLINE_S)
    with os.fdopen(watched) as ended:
        assert select.select([ended], [], [], DEADLINE_S)[0]
    assert not (place / "sandbox.json").exists()


def test_invents_an_exchange_where_there_is_none(tmp_path: Path) -> None:
    running = Process(tmp_path / "new")
    try:
        assert len(list((tmp_path / "new" / "mail" / "inbox" / "new").iterdir())) == 24
        assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    finally:
        running.kill()
