"""`workstation demo --headless`: one JSON line when ready, and no process left behind, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.story import processes

pytestmark = pytest.mark.long


def start(directory: Path) -> tuple[subprocess.Popen[str], dict[str, object]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "workstation.cli", "demo", "--headless", "--dir", str(directory), "--seed", "3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, (directory / "supervisor.log").read_text()
    return process, json.loads(line)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("headless") / "a demo"


def test_it_says_where_everything_is_and_stops_cleanly(directory: Path) -> None:
    process, said = start(directory)
    assert said["directory"] == str(directory)
    assert str(said["store_url"]).startswith("postgresql://")
    assert str(said["sandbox_url"]).startswith("http://127.0.0.1:")
    people = said["people"]
    assert isinstance(people, list)
    assert {p["role"] for p in people} == {"analyst", "lead", "auditor"}
    assert directory.stat().st_mode & 0o077 == 0
    assert processes.appears(directory, " courier ")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    left = [words for words in processes.of(directory).values() if "sandbox.supervise" not in words]
    assert left == [], "only the supervisor may be at its last lines"
    assert processes.gone(directory) == {}
    process.stdout.close()  # type: ignore[union-attr]


def test_killed_it_leaves_nothing_behind_and_starts_again_where_it_was(directory: Path) -> None:
    process, _ = start(directory)
    process.kill()
    process.wait(10)
    assert processes.gone(directory) == {}
    process.stdout.close()  # type: ignore[union-attr]


def test_a_killed_supervisor_takes_everything_along(directory: Path) -> None:
    process, said = start(directory)
    os.kill(int(str(said["pid"])), signal.SIGKILL)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert processes.gone(directory) == {}
    process.stdout.close()  # type: ignore[union-attr]


@pytest.mark.parametrize("daemon", [" broker ", " courier ", "sandbox.server"])
def test_a_killed_daemon_comes_back(directory: Path, daemon: str) -> None:
    process, _ = start(directory)
    try:
        victim = processes.appears(directory, daemon)
        assert victim
        os.kill(victim, signal.SIGKILL)
        assert processes.appears(directory, daemon, other_than=victim)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        process.stdout.close()  # type: ignore[union-attr]
