"""A running demo: the whole workstation but its screen. A fixture for whoever imports it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workstation.sandbox.place import Place


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Start ``workstation demo --headless`` as a user would, and stop it by SIGTERM."""
    directory = tmp_path_factory.mktemp("a demo") / "d"
    process = subprocess.Popen(
        [sys.executable, "-m", "workstation.cli", "demo", "--headless", "--dir", str(directory), "--seed", "7"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, Path(directory / "supervisor.log").read_text()
    assert json.loads(line)["directory"] == str(directory)
    yield Place(directory)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    process.stdout.close()
