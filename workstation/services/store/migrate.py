"""Bring a database to the version and the rules of this workstation.

Roles, then tables (Alembic), then rules: policies, triggers and functions are dropped and made again in
one transaction, so that no old overload keeps its rights. Run under a superuser of the store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from workstation.services.errors import StoreError
from workstation.services.policy.document import standard
from workstation.services.store.version import SCHEMA

RULES = (
    "10_core",
    "20_stepup",
    "25_grants",
    "30_cases",
    "32_policy",
    "33_evidence",
    "35_packets",
    "37_findings",
    "40_acts",
    "42_vetoes",
    "45_break_glass",
    "50_mail",
    "60_people",
    "61_standing",
    "62_team",
    "63_ceremony",
    "65_views",
    "66_terminal",
    "70_notary",
    "90_rights",
)

#: What the rules make again: everything but data, and `wsd.one`, on which a constraint rests.
_CLEAR = """
DO $$
DECLARE r record;
BEGIN
  FOR r IN SELECT policyname, tablename FROM pg_policies WHERE schemaname = 'wsd' LOOP
    EXECUTE format('DROP POLICY %I ON wsd.%I', r.policyname, r.tablename);
  END LOOP;
  FOR r IN SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
            WHERE c.relnamespace = 'wsd'::regnamespace AND NOT t.tgisinternal LOOP
    EXECUTE format('DROP TRIGGER %I ON wsd.%I', r.tgname, r.relname);
  END LOOP;
  FOR r IN SELECT p.oid::regprocedure AS f FROM pg_proc p
            WHERE p.pronamespace = 'wsd'::regnamespace AND p.proname <> 'one'
              AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'i') LOOP
    EXECUTE 'DROP FUNCTION ' || r.f || ' CASCADE';
  END LOOP;
END $$;
"""

_API_SCHEMA = """
DROP SCHEMA IF EXISTS ws CASCADE;
CREATE SCHEMA ws AUTHORIZATION ws_owner;
GRANT USAGE ON SCHEMA ws TO ws_user, ws_auditor, ws_executor, ws_courier, ws_notary, ws_reader;
SET LOCAL ROLE ws_owner;
"""


def rule(name: str) -> str:
    """Return the text of ``rules/<name>.sql``."""
    return files(__package__).joinpath("rules", f"{name}.sql").read_text(encoding="utf-8")


def fingerprint() -> str:
    """Return the SHA-256 of all rules, hexadecimal; stored, and shown by ``doctor``."""
    return hashlib.sha256("\0".join(rule(r) for r in ("00_roles", "01_database", *RULES)).encode()).hexdigest()


def migrate(superuser_dsn: str, database: str = "ws", on_progress: Callable[[str], None] = lambda word: None) -> None:
    """Make the database if it is missing, and bring tables and rules to this version.

    Args:
        superuser_dsn: a libpq connection string of a superuser to the database ``postgres``.
        database: the name of the store's database.
        on_progress: is told in a few words what is going on.

    Raises:
        StoreError: the server is away, too old, or refused a statement; nothing was changed by halves.
    """
    try:
        on_progress("roles")
        _make_database(superuser_dsn, database)
        target = psycopg.conninfo.make_conninfo(superuser_dsn, dbname=database)
        with psycopg.connect(target, autocommit=True) as connection:
            connection.execute(rule("01_database").encode())
        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: psycopg.connect(target),
            poolclass=NullPool,
            isolation_level="READ COMMITTED",
        )
        on_progress("tables and rules")
        with engine.begin() as transaction:
            _apply(transaction)
    except psycopg.OperationalError as error:
        raise StoreError(
            f"The store cannot be reached: {error}".strip(), "Check that PostgreSQL runs and try again."
        ) from error
    except Exception as error:
        if isinstance(getattr(error, "orig", error), psycopg.Error):
            raise StoreError(
                f"The store could not be migrated: {error}", "Nothing was changed; see docs/operations.md."
            ) from error
        raise


def _make_database(superuser_dsn: str, database: str) -> None:
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        if connection.info.server_version < 150_000:
            raise StoreError(
                f"PostgreSQL {connection.info.server_version // 10_000} is too old.",
                "The store needs PostgreSQL 15 or later.",
            )
        connection.execute(rule("00_roles").encode())
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(database))
            )


def _apply(connection: Connection) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    driver.execute(_CLEAR.encode())
    driver.execute(_API_SCHEMA.encode())
    command.upgrade(alembic_config(connection), "head")
    for name in RULES:
        driver.execute(rule(name).encode())
    _release_policy(driver)
    for key, value in (("schema", SCHEMA), ("rules", fingerprint())):
        driver.execute(
            "INSERT INTO wsd.store_meta VALUES (%s, %s) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )


def _release_policy(driver: psycopg.Connection[Any]) -> None:
    """Put this release's policy in force, unless two people signed one."""
    released = standard()
    driver.execute("SELECT ws.install_release(%s::jsonb, %s)", (released.as_json(), released.hash))


def alembic_config(connection: Connection, **extra: Any) -> Config:
    """Return Alembic's configuration for an open connection; no ini file is involved."""
    config = Config()
    config.set_main_option("script_location", str(files(__package__).joinpath("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes.update(extra)
    return config
