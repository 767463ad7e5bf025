"""The embedded PostgreSQL lives as long as somebody needs it: every way to start, to end and to die."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.store.apps import ROOT, App, answers, ask, gone, kill, postmaster, remains, supervisors
from tests.store.waiting import DEADLINE_S, until
from workstation.services.clock import SystemClock
from workstation.services.errors import StoreError
from workstation.services.store import embedded, embedded_home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that the tests of this file use one after the other; each ends what it starts."""
    return tmp_path_factory.mktemp("shared") / "store"


@pytest.fixture
def apps() -> Iterator[list[App]]:
    """Programs that are ended with the test, whatever happens; and nothing of theirs may be left."""
    started: list[App] = []
    yield started
    for app in started:
        app.close()
    for directory in {app.directory for app in started}:
        gone(directory)


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold a lock exclusively; a process that is ending closes its files after it has left the process list."""
    clock = SystemClock()
    descriptor = embedded_home.wait_for_lock(path, embedded_home.EXCLUSIVE, clock, clock.monotonic() + DEADLINE_S)
    try:
        yield
    finally:
        os.close(descriptor)


def test_the_first_start_makes_a_private_database_that_ends_with_its_last_user(home: Path) -> None:
    words: list[str] = []
    with embedded.start(home, on_progress=words.append) as lease:
        assert words == ["preparing the database for the first time", "starting the database"]
        for path in (home, *home.rglob("*")):
            assert path.lstat().st_mode & 0o077 == 0, path
        with psycopg.connect(lease.superuser_dsn()) as connection:
            shown = {
                name: connection.execute(f"SHOW {name}").fetchone()
                for name in ("listen_addresses", "fsync", "full_page_writes", "data_checksums", "max_connections")
            }
    assert shown == {
        "listen_addresses": ("",),
        "fsync": ("on",),
        "full_page_writes": ("on",),
        "data_checksums": ("on",),
        "max_connections": ("100",),
    }
    gone(home)


def test_a_second_start_says_nothing_of_a_first_time(home: Path) -> None:
    words: list[str] = []
    with embedded.start(home, on_progress=words.append):
        assert words == ["starting the database"]
        embedded.start(home, on_progress=words.append).close()
        assert words == ["starting the database"], "joining needs no start"
    gone(home)


def test_a_lease_that_is_closed_twice_is_closed(home: Path) -> None:
    lease = embedded.start(home)
    lease.close()
    lease.close()
    gone(home)
    with pytest.raises(StoreError, match="given back"):
        lease.ensure()


def test_the_thread_that_started_the_database_may_end(home: Path) -> None:
    leases: list[embedded.Lease] = []
    thread = threading.Thread(target=lambda: leases.append(embedded.start(home)))
    thread.start()
    thread.join()
    pid = postmaster(home)
    assert ask(leases[0].host) == 1
    assert postmaster(home) == pid
    leases[0].close()
    gone(home)


def test_unicode_is_handled_by_the_database_itself_in_a_locale_that_is_not_there(
    tmp_path: Path, apps: list[App]
) -> None:
    app = App(tmp_path / "d", LANG="xx_YY.UTF-8", LC_ALL="zz_ZZ")
    apps.append(app)
    with psycopg.connect(host=app.up(), user="pgsuper", dbname="postgres") as connection:
        row = connection.execute("SELECT upper('zażółć'), to_tsvector('simple', 'ŻÓŁW')::text").fetchone()
    assert row == ("ZAŻÓŁĆ", "'żółw':1")


def test_two_programs_at_once_make_one_database(tmp_path: Path, apps: list[App]) -> None:
    directory = tmp_path / "d"
    apps += [App(directory), App(directory)]
    hosts = [app.up() for app in apps]
    assert hosts[0] == hosts[1]
    pid = postmaster(directory)
    apps[0].leave()
    assert ask(hosts[1]) == 1
    assert postmaster(directory) == pid


@pytest.mark.long
def test_five_programs_at_once_have_one_supervisor_and_killed_at_once_leave_nothing(
    tmp_path: Path, apps: list[App]
) -> None:
    directory = tmp_path / "d"
    apps += [App(directory) for _ in range(5)]
    assert len({app.up() for app in apps}) == 1
    assert sum("preparing the database for the first time" in app.said for app in apps) == 1
    assert len(supervisors(directory)) == 1
    for app in apps:
        app.process.kill()
    gone(directory)


@pytest.mark.long
def test_a_killed_server_is_started_again_under_living_programs(home: Path) -> None:
    with embedded.start(home) as lease:
        for _ in range(3):
            before = postmaster(home)
            kill(before)
            until(lambda: answers(lease.host), "the same socket answers again")
            assert postmaster(home) != before
        assert len(supervisors(home)) == 1
    gone(home)


def test_programs_that_come_while_the_server_dies_get_one(home: Path, apps: list[App]) -> None:
    with embedded.start(home):
        apps += [App(home) for _ in range(3)]
        kill(postmaster(home))
        hosts = {app.up() for app in apps}
        assert len(hosts) == 1
        until(lambda: answers(*hosts), "it answers")
        until(lambda: len(supervisors(home)) == 1, "one supervisor")


@pytest.mark.long
def test_a_killed_supervisor_leaves_no_server_and_the_next_program_starts_one(home: Path, apps: list[App]) -> None:
    with embedded.start(home):
        kill(supervisors(home)[0])
        gone(home)
        apps.append(App(home))
        assert ask(apps[0].up()) == 1


def test_a_program_that_stayed_can_have_the_server_back(home: Path) -> None:
    with embedded.start(home) as lease:
        kill(supervisors(home)[0])
        lease.ensure()
        assert ask(lease.host) == 1
        until(lambda: len(supervisors(home)) == 1, "one supervisor")
    gone(home)


@pytest.mark.long
def test_everything_killed_at_once_starts_again(home: Path, apps: list[App]) -> None:
    apps.append(App(home))
    apps[0].up()
    supervisor = supervisors(home)[0]
    os.kill(supervisor, signal.SIGSTOP)
    kill(postmaster(home))
    kill(supervisor)
    apps[0].kill()
    assert (home / "data" / "postmaster.pid").exists(), "this is about what a crash leaves behind"
    with embedded.start(home) as lease:
        assert ask(lease.host) == 1
    gone(home)


def test_a_pid_file_that_names_a_stranger_does_not_stop_the_start(home: Path) -> None:
    embedded.start(home).close()
    gone(home)
    stranger = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        pid_file = home / "data" / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{home / 'data'}\n1\n5432\n{home}\n\n  1 1\nready   \n")
        pid_file.chmod(0o600)
        with embedded.start(home) as lease:
            assert ask(lease.host) == 1
        gone(home)
        assert stranger.poll() is None, "the stranger is left alone"
    finally:
        assert stranger.stdin is not None
        stranger.stdin.close()
        stranger.wait(10)


@pytest.mark.long
def test_a_program_killed_while_it_makes_the_database_leaves_nothing_in_the_way(
    tmp_path: Path, apps: list[App]
) -> None:
    directory = tmp_path / "d"
    app = App(directory)
    apps.append(app)
    until((directory / "data.new").exists, "the making has begun")
    app.kill()
    gone(directory)
    with embedded.start(directory) as lease:
        assert ask(lease.host) == 1
    assert not (directory / "data.new").exists()
    gone(directory)


def test_sigterm_to_the_supervisor_stops_everything(home: Path) -> None:
    with embedded.start(home):
        os.kill(supervisors(home)[0], signal.SIGTERM)
        gone(home)


def test_a_start_waits_for_a_server_that_is_stopping_and_says_so_when_it_takes_too_long(home: Path) -> None:
    embedded.start(home).close()
    gone(home)
    with _held(home / "lease"), pytest.raises(StoreError, match="stopping for too long"):
        embedded.start(home, timeout=0.1)


def test_a_start_says_that_another_window_is_preparing(home: Path) -> None:
    embedded.start(home).close()
    gone(home)
    with _held(home / "start.lock"), pytest.raises(StoreError, match="Another window"):
        embedded.start(home, timeout=0.1)
    assert remains(home) == []


def test_the_supervisor_is_light() -> None:
    program = """
import sys
import workstation.services.store
from workstation.services.store import embedded, supervisor
heavy = {"sqlmodel", "sqlalchemy", "psycopg", "alembic", "pydantic", "textual", "rich", "httpx", "cryptography"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_a_lease_quotes_what_it_puts_into_a_connection_string() -> None:
    made = embedded.conninfo(user="o'neil\\", password="' host=evil '", dbname="a b=c")
    assert psycopg.conninfo.conninfo_to_dict(made) == {
        "user": "o'neil\\",
        "password": "' host=evil '",
        "dbname": "a b=c",
    }
