"""A stage for a module: the demo without the daemons that are killed here."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from workstation.sandbox.place import Place


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("stage") / "d"
    with (directory.parent / "stage.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "tests.faults.stage", str(directory)], stdout=log, stderr=log)
    place = Place(directory)
    while True:
        state = place.state() if directory.exists() else None
        if state is not None and state.phase == "ready":
            break
        assert process.poll() is None, (directory.parent / "stage.log").read_text()
        threading.Event().wait(0.05)
    yield place
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
