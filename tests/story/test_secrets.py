"""No credential of a running installation is in a command line, an environment or a log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.story import processes
from workstation.sandbox.place import Place

pytestmark = pytest.mark.long

#: Characters from which on a value counts as a credential and not as a word.
SHORTEST = 12


def credentials(directory: Path) -> dict[str, str]:
    """Return every credential of the demo's people and daemons, with where it is kept."""
    found = {}
    for path in (directory / "people").glob("*/credentials.json"):
        for name, value in json.loads(path.read_text("utf-8")).items():
            found[str(value)] = f"{path.parent.name}: {name}"
    for path in (directory / "daemons").glob("*/*"):
        found[path.read_text("utf-8").strip()] = f"{path.parent.name}: {path.name}"
    return {value: where for value, where in found.items() if len(value) >= SHORTEST}


def said(directory: Path) -> Iterator[tuple[str, str]]:
    """Yield what anybody on the machine, or whoever reads the logs, can read; with where."""
    for pid, words in processes.of(directory).items():
        yield words, words
        try:
            yield words, (Path("/proc") / str(pid) / "environ").read_text("utf-8", "replace")
        except OSError:
            continue  # closed to us, as it is meant to be
    for path in directory.rglob("*.log"):
        yield path.name, path.read_text("utf-8", "replace")


def test_no_credential_is_in_a_command_line_an_environment_or_a_log(demo: Place) -> None:
    secrets = credentials(demo.directory)
    assert len(secrets) > 20
    places = list(said(demo.directory))
    assert any(" broker " in where for where, _ in places)
    assert any(where == "broker.log" for where, _ in places)
    found = [(where[:80], kept) for where, text in places for value, kept in secrets.items() if value in text]
    assert found == []
