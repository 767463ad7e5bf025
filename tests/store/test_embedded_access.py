"""Who may enter an embedded database, and that no file or setting left behind can change that."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.store.apps import ask, gone
from workstation.services.store import embedded
from workstation.services.store.embedded_home import SOCKET


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("access") / "store"


@pytest.fixture
def lease(home: Path) -> Iterator[embedded.Lease]:
    with embedded.start(home) as held:
        yield held
    gone(home)


def test_a_login_enters_by_scram_and_with_nothing_else(lease: embedded.Lease) -> None:
    with psycopg.connect(lease.superuser_dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE alice LOGIN PASSWORD 'right'")
        connection.execute("CREATE DATABASE ws")
        row = connection.execute("SELECT left(rolpassword, 14) FROM pg_authid WHERE rolname = 'alice'").fetchone()
    assert row == ("SCRAM-SHA-256$",)
    with psycopg.connect(lease.dsn("alice", "right", "ws")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("alice",)
    for wrong, database in (("wrong", "ws"), ("", "ws"), ("right", "postgres")):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(lease.dsn("alice", wrong, database))


def test_there_is_no_tcp(lease: embedded.Lease) -> None:
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host="127.0.0.1", hostaddr="127.0.0.1", port=5432, user="pgsuper", dbname="postgres").close()
    with psycopg.connect(lease.superuser_dsn()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_rules_of_access_and_durability_are_made_anew_at_each_start(home: Path) -> None:
    with embedded.start(home) as lease, psycopg.connect(lease.superuser_dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE mallory SUPERUSER LOGIN")
        for setting in ("listen_addresses = '*'", "fsync = off", "password_encryption = md5", "hba_file = '/x'"):
            connection.execute(f"ALTER SYSTEM SET {setting}")
    gone(home)
    (home / "data" / "pg_hba.conf").write_text("local all all trust\n")
    (home / "data" / "pg_ident.conf").write_text("owner /.* pgsuper\n")
    with embedded.start(home) as lease:
        with pytest.raises(psycopg.OperationalError):
            ask(lease.host, "mallory")
        with psycopg.connect(lease.superuser_dsn(), autocommit=True) as connection:
            for name, value in (("listen_addresses", ""), ("fsync", "on"), ("password_encryption", "scram-sha-256")):
                assert connection.execute(f"SHOW {name}").fetchone() == (value,)
            connection.execute("ALTER SYSTEM RESET ALL")
            connection.execute("DROP ROLE mallory")
    gone(home)


def test_passwords_in_failed_statements_stay_out_of_the_log(home: Path, lease: embedded.Lease) -> None:
    with (
        psycopg.connect(lease.superuser_dsn(), autocommit=True) as connection,
        pytest.raises(psycopg.errors.UndefinedObject),
    ):
        connection.execute("ALTER ROLE nobody_there PASSWORD 'hunter2'")
    log = (home / "server.log").read_text()
    assert "nobody_there" in log, "the error itself is logged"
    assert "hunter2" not in log


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user of the system to try the door")
def test_another_user_of_the_system_is_not_taken_for_the_superuser(home: Path, lease: embedded.Lease) -> None:
    path = Path(lease.host) / SOCKET
    assert _said_to(path, uid=4711) == b"closed", "the directory is private"
    opened = [*(p for p in path.parents if p.stat().st_uid == 0 and p != Path("/")), path]
    modes = {p: p.stat().st_mode & 0o7777 for p in opened}
    try:
        for p in opened:
            p.chmod(modes[p] | 0o077)
        for uid in (1, 4711, 65534):
            assert _said_to(path, uid).startswith(b"E"), "peer authentication refuses, even with the directory open"
    finally:
        for p, mode in modes.items():
            p.chmod(mode)
    assert _said_to(path, uid=0).startswith(b"R\0\0\0\x08\0\0\0\0"), "AuthenticationOk for its owner"


def _said_to(path: Path, uid: int) -> bytes:
    """Return the first bytes that the server says to a superuser's start-up packet from user `uid`."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            body = struct.pack("!I", 196608) + b"user\0pgsuper\0database\0postgres\0\0"
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(10)
                connection.connect(str(path))
                connection.sendall(struct.pack("!I", len(body) + 4) + body)
                os.write(writing, connection.recv(512))
        except PermissionError:
            os.write(writing, b"closed")
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said
