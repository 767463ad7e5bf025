"""The ceremonies as an administrator types them: keys, a witness of its own, checkpoints, a next key, a lost disk."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.audit.conftest import forget, work
from tests.rules.installation import Installation
from workstation.cli import main
from workstation.services.audit.offline import load, parse_keys

ORIGIN, WITNESS = "exchange.example/audit", "witness.example/w1"


class Said(NamedTuple):
    """What a command wrote."""

    stdout: str
    stderr: str


class Hosts:
    """The notary's and the witness' machines, each with settings and credentials of its own."""

    def __init__(self, ws: Installation, directory: Path) -> None:
        self._directory = directory
        self.short = Path(tempfile.mkdtemp(prefix="ws-h-"))
        self.credentials = directory / "credentials"
        self.notary = self._key("--new-key", ORIGIN)
        self.witness = self._key("--witness", "--new-key", WITNESS)
        self.logs = [self.notary]
        password = self.credentials / "store_ws_notary"
        password.touch(mode=0o600)
        password.write_text(ws.passwords["ws_notary"])
        self._url = f"host='{ws.lease.host}' dbname=ws"
        self.write()

    def _key(self, *words: str) -> str:
        done = self.run(*words, "--into", str(self.credentials))
        return done.stdout.splitlines()[1]

    def write(self) -> None:
        listen = f"unix:{self.short / 'w'}"
        text = f"""
[store]
url = "{self._url}"
[notary]
origin = "{ORIGIN}"
state = "{self._directory / "state"}"
sinks = ["{self._directory / "sink"}"]
keys = {json.dumps([*self.logs, self.witness])}
[[notary.witnesses]]
url = "{listen}"
key = "{self.witness}"
[witness]
name = "{WITNESS}"
state = "{self._directory / "witness"}"
listen = "{listen}"
logs = {json.dumps(self.logs)}
"""
        (self._directory / "settings.toml").write_text(text)

    def command(self, *words: str) -> list[str]:
        settings = ["--settings", str(self._directory / "settings.toml")]
        return [sys.executable, "-m", "workstation.cli", "notary", *words, *settings]

    def env(self) -> dict[str, str]:
        return {**os.environ, "CREDENTIALS_DIRECTORY": str(self.credentials)}

    def run(self, *words: str, code: int = 0) -> Said:
        """Run a command that ends by itself; in this process, as a start costs a second."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setenv("CREDENTIALS_DIRECTORY", str(self.credentials))
            ended = main(self.command(*words)[3:])
        assert ended == code, out.getvalue() + err.getvalue()
        return Said(out.getvalue(), err.getvalue())

    def start_witness(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(self.command("--witness"), env=self.env(), stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "start"
        return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert process.stdout is not None
    process.stdout.close()


@pytest.fixture
def hosts(ws: Installation, tmp_path: Path) -> Iterator[Hosts]:
    forget(ws)
    made = Hosts(ws, tmp_path)
    yield made
    shutil.rmtree(made.short)


@pytest.mark.long
def test_from_the_first_key_to_the_next(ws: Installation, hosts: Hosts, tmp_path: Path) -> None:
    assert "signs as exchange.example/audit" in hosts.run("--check").stdout
    assert {f.name: f.stat().st_mode & 0o777 for f in hosts.credentials.iterdir()} == dict.fromkeys(
        ("notary_key", "witness_key", "store_ws_notary"), 0o600
    )
    witness = hosts.start_witness()
    work(ws, "ana", times=1)
    assert hosts.run("--once").stdout == "checkpoint 1: 1 witnesses\n"
    assert hosts.run("--once").stdout == "nothing new\n"
    # a next key: everybody learns it, one checkpoint is signed by both, then it takes the old one's place
    new = hosts.run("--new-key", ORIGIN, "--into", str(hosts.credentials)).stdout.splitlines()[1]
    assert (hosts.credentials / "notary_next-key").exists()
    assert "already" in hosts.run("--new-key", ORIGIN, "--into", str(hosts.credentials), code=1).stderr
    end(witness)
    hosts.logs.append(new)
    hosts.write()
    witness = hosts.start_witness()
    said = hosts.run("--rotate").stdout
    assert f"{hosts.notary} until 2\n{new} from 2\n" in said
    assert f"{new} from 2\n" in hosts.run("--rotate").stdout  # again is no harm
    shutil.move(hosts.credentials / "notary_next-key", hosts.credentials / "notary_key")
    work(ws, "ana", times=1)
    assert hosts.run("--once").stdout == "checkpoint 3: 1 witnesses\n"
    trusted = parse_keys(f"{hosts.notary} until 2\n{new} from 2\n{hosts.witness}")
    found, problems = load([tmp_path / "sink"], trusted)
    assert [len(c.signers) for c in found] == [1, 2, 1]
    assert problems == []
    # a disk that is gone
    shutil.rmtree(tmp_path / "state")
    assert "knows 0 checkpoints" in hosts.run("--once", code=1).stderr
    assert hosts.run("--rebuild", str(tmp_path / "sink")).stdout == "3 checkpoints; start the notary.\n"
    work(ws, "ana", times=1)
    assert hosts.run("--once").stdout == "checkpoint 4: 1 witnesses\n"
    end(witness)


@pytest.mark.long
def test_the_daemon_says_what_it_does_and_stops(ws: Installation, hosts: Hosts) -> None:
    witness = hosts.start_witness()
    process = subprocess.Popen(hosts.command(), env=hosts.env(), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    events = [json.loads(process.stdout.readline())["event"] for _ in range(2)]
    assert events == ["start", "checkpoint"]
    assert "Another notary" in hosts.run("--once", code=1).stderr
    end(process)
    end(witness)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--new-key", "a+b", "--into", "x"), "no name"),
        (("--new-key", "a"), "--into"),
        (("--rotate",), "next private key"),
    ],
)
def test_wrong_calls_say_what_is_wrong(hosts: Hosts, words: tuple[str, ...], why: str) -> None:
    assert why in hosts.run(*words, code=1).stderr
