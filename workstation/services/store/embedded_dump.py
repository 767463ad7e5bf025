"""Whole-server dumps of an embedded database, for backups and for moving to another major version.

A dump is a directory: ``globals.sql`` (roles with their SCRAM verifiers, memberships), one ``NNN.dump`` for each
database in pg_dump's custom format, and ``manifest.json``, which is written last: without it a dump is not whole.
Restored with ``--create``, because the rights on a database itself are lost without it. ``template1`` is not part
of it; nothing of the product changes it.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workstation.services.clock import Clock
from workstation.services.errors import StoreError
from workstation.services.store import embedded_cluster as cluster
from workstation.services.store import embedded_home as files
from workstation.services.store.embedded_identity import ENVIRONMENT
from workstation.services.text import clean

FORMAT = 1
_MANIFEST = "manifest.json"
_GLOBALS = "globals.sql"

_DATABASES = "SELECT datname FROM pg_database WHERE datallowconn AND datname !~ '^template[01]$' ORDER BY datname"
_OURS = r"""n.nspname !~ '^(pg_|information_schema$)'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' AND (d.classid, d.objid) = (x.tableoid, x.oid))"""
#: Rows of each table, then how many things of each kind there are. Constraints of kind n (NOT NULL) are left out:
#: 18 counts them, earlier versions do not.
_CONTENTS = rf"""
SELECT format('SELECT json_build_array(%L, (SELECT count(*) FROM %I.%I))',
              'rows of ' || n.nspname || '.' || x.relname, n.nspname, x.relname)
  FROM pg_class x JOIN pg_namespace n ON n.oid = x.relnamespace
 WHERE x.relkind = 'r' AND x.relpersistence <> 't' AND {_OURS}
\gexec
SELECT json_build_array('relations of kind ' || x.relkind::text, count(*))
  FROM pg_class x JOIN pg_namespace n ON n.oid = x.relnamespace WHERE {_OURS} GROUP BY x.relkind;
SELECT json_build_array('functions', count(*))
  FROM pg_proc x JOIN pg_namespace n ON n.oid = x.pronamespace WHERE {_OURS};
SELECT json_build_array('constraints', count(*))
  FROM pg_constraint x JOIN pg_namespace n ON n.oid = x.connamespace WHERE x.contype <> 'n' AND {_OURS};
SELECT json_build_array('policies', count(*)) FROM pg_policy;
SELECT json_build_array('triggers', count(*)) FROM pg_trigger WHERE NOT tgisinternal;
"""  # noqa: S608 - made of constants
_ROLES = """
SELECT json_build_array('role ' || rolname, md5(concat_ws('|', rolsuper, rolinherit, rolcreaterole, rolcreatedb,
  rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil, coalesce(rolpassword, ''))))
  FROM pg_authid WHERE rolname !~ '^pg_'
"""


@dataclass(frozen=True, slots=True)
class Reach:
    """How to reach a server as its superuser.

    Attributes:
        binaries: the client programs; not older than the server.
        host: the server's socket directory.
    """

    binaries: cluster.Binaries
    host: str

    def run(self, program: str, *args: str | Path, dbname: str = "postgres", given: str | None = None) -> str:
        """Run a client program and return what it wrote.

        Raises:
            StoreError: it failed; the sentence is its own.
        """
        done = self.attempt(program, *args, dbname=dbname, given=given)
        if done.returncode:
            raise cluster.failure(f"{program} could not do its work on {clean(dbname, 63)}", done.stderr)
        return done.stdout

    def attempt(
        self, program: str, *args: str | Path, dbname: str, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a client program; the name of the database goes by the environment, where it is never parsed."""
        where = {"PGHOST": self.host, "PGPORT": str(files.PORT), "PGUSER": cluster.SUPERUSER, "PGDATABASE": dbname}
        return subprocess.run(
            [self.binaries.path(program), *args],
            input=given or "",
            capture_output=True,
            text=True,
            errors="replace",
            env=ENVIRONMENT | where | {"PGCLIENTENCODING": "UTF8"},
            cwd="/",
        )

    def query(self, statement: str, dbname: str = "postgres") -> str:
        """Return the unaligned output of psql for `statement`, which may hold meta-commands."""
        return self.run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-", dbname=dbname, given=statement)


def dump(reach: Reach, target: Path, clock: Clock) -> None:
    """Dump the whole server into the new directory `target`, mode 0700.

    Raises:
        StoreError: the directory is there already, or something could not be dumped.
    """
    with files.explained(f"make the dump's directory {clean(target, 300)}"):
        target.mkdir(mode=0o700, parents=True)
        databases = []
        write_globals(reach, target / _GLOBALS)
        for number, name in enumerate(json.loads(reach.query(f"SELECT json_agg(datname) FROM ({_DATABASES}) x;")), 1):  # noqa: S608
            file = f"{number:03}.dump"
            reach.run("pg_dump", "--format=custom", f"--file={target / file}", dbname=name)
            (target / file).chmod(0o600)
            databases.append({"name": name, "file": file})
        version = int(reach.query("SHOW server_version_num;")) // 10_000
        manifest = {"format": FORMAT, "made_at": clock.now().isoformat(), "server": version, "databases": databases}
        files.write_private(target / _MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))


def write_globals(reach: Reach, file: Path) -> None:
    """Write the roles to `file`, but for the creation of the superuser, who is in every cluster of ours."""
    text = reach.run("pg_dumpall", "--globals-only")
    files.write_private(file, text.replace(f"\nCREATE ROLE {cluster.SUPERUSER};\n", "\n", 1))


def restore(reach: Reach, source: Path) -> None:
    """Restore a dump into a fresh server.

    Raises:
        StoreError: the dump is not whole, the server holds something already, or a statement was refused; in the
            last case the server is to be thrown away.
    """
    manifest = read_manifest(source)
    if manifest["server"] > reach.binaries.major:
        raise StoreError(
            f"The dump comes from PostgreSQL {manifest['server']}, which is newer than {reach.binaries.major}.",
            "Restore it with the workstation that made it, or a later one.",
        )
    found = int(reach.query(f"SELECT (SELECT count(*) FROM ({_DATABASES}) x) + (SELECT count(*) FROM ({_ROLES}) y);"))  # noqa: S608
    if found != 2:  # the database postgres and the superuser
        raise StoreError("The database is not empty.", "Restore into a new directory.")
    reach.run("psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-f", source / _GLOBALS)
    for each in manifest["databases"]:
        _restore_one(reach, each["name"], source / each["file"])
    reach.run("vacuumdb", "--all", "--analyze-only", "--quiet")


def _restore_one(reach: Reach, name: str, file: Path) -> None:
    standing = name == "postgres"
    replace = ("--clean", "--if-exists") if standing else ()
    entry = "template1" if standing else "postgres"
    done = reach.attempt("pg_restore", "--create", *replace, f"--dbname={entry}", file, dbname=entry)
    if done.returncode and not harmless(done.stderr):
        raise cluster.failure(f"The database {clean(name, 63)} could not be restored", done.stderr)


def harmless(said: str) -> bool:
    """Return whether pg_restore failed at nothing but rights on functions that this version no longer has.

    The rules take rights on functions of ``pg_catalog`` away from PUBLIC, and those functions change between
    major versions. The rules are applied again by the next migration.
    """
    gone = r"^pg_restore: error: could not execute query: ERROR:  function pg_catalog\.\S.* does not exist\n"
    gone += r"Command was: (?:REVOKE|GRANT) "
    failures = len(re.findall(r"^pg_restore: error:", said, re.MULTILINE))
    return failures > 0 and failures == len(re.findall(gone, said, re.MULTILINE))


def read_manifest(source: Path) -> dict[str, Any]:
    """Return a dump's manifest.

    Raises:
        StoreError: there is none, or it is none of ours.
    """
    try:
        manifest = json.loads((source / _MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise ValueError(manifest["format"])
        names = [(str(each["name"]), re.fullmatch(r"\d{3,6}\.dump", each["file"])) for each in manifest["databases"]]
        if not all(fits for _, fits in names) or not isinstance(manifest["server"], int):
            raise ValueError(names)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{clean(source, 300)} is not a whole dump of ours.", "Name the directory that the backup made."
        ) from error
    return dict(manifest)


def contents(reach: Reach) -> dict[str, object]:
    """Return what a server holds, for comparing two: roles, rows of each table, how many things of each kind."""
    found: dict[str, object] = dict(json.loads(line) for line in reach.query(f"{_ROLES};").splitlines())
    for name in json.loads(reach.query(f"SELECT json_agg(datname) FROM ({_DATABASES}) x;")):  # noqa: S608
        lines = reach.query(_CONTENTS, dbname=name).splitlines()
        found |= {f"{name}: {what}": count for what, count in map(json.loads, lines)}
    return found
