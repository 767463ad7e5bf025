"""The demo's made-up people: logins, levels, and credentials in the demo's own directory."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

import msgspec
import psycopg

from workstation.sandbox.softkey import SoftKey
from workstation.services.errors import Invalid
from workstation.services.store.logins import make_login

#: The demo's relying-party id; `.invalid` can never be a real host (RFC 2606).
RP_ID = "workstation.invalid"
TEAM = "A"


class DemoPerson(msgspec.Struct, frozen=True, kw_only=True):
    """One of the made-up people."""

    login: str
    person_id: str
    name: str
    level: int
    role: str
    languages: tuple[str, ...]

    @property
    def group(self) -> str:
        """The database role that the level stands for."""
        if self.role != "analyst":
            return f"ws_{self.role}"
        return {1: "ws_l1", 2: "ws_l2", 3: "ws_senior"}[self.level]


PEOPLE: tuple[DemoPerson, ...] = (
    DemoPerson(login="ana.k", person_id="P01", name="Ana K.", level=1, role="analyst", languages=("en", "pt", "es")),
    DemoPerson(login="joao.m", person_id="P02", name="João M.", level=1, role="analyst", languages=("en", "pt", "fr")),
    DemoPerson(login="mira.t", person_id="P03", name="Mira T.", level=2, role="analyst", languages=("en", "tr", "de")),
    DemoPerson(login="sam.o", person_id="P04", name="Sam O.", level=3, role="analyst", languages=("en", "de", "pl")),
    DemoPerson(login="yuki.h", person_id="P05", name="Yuki H.", level=3, role="analyst", languages=("en", "ja")),
    DemoPerson(login="olga.p", person_id="P08", name="Olga P.", level=3, role="analyst", languages=("en", "pl", "fr")),
    DemoPerson(login="lea.w", person_id="P06", name="Lea W.", level=3, role="lead", languages=("en", "fr", "de")),
    DemoPerson(login="aud.r", person_id="P07", name="Aud R.", level=1, role="auditor", languages=("en",)),
)


def person(login: str) -> DemoPerson:
    """Return one of the people by login.

    Raises:
        Invalid: there is no such person; the sentence lists who there is.
    """
    found = next((p for p in PEOPLE if p.login == login), None)
    if found is None:
        raise Invalid(f"The demo knows no “{login}”.", "It knows " + ", ".join(p.login for p in PEOPLE) + ".")
    return found


def home(directory: Path, login: str) -> Path:
    """Return the directory of one person's credentials and key."""
    return directory / "people" / login


def socket_home(directory: Path, login: str) -> Path:
    """Return where this person's key listens: a short private path, as socket paths end at 107 bytes (Linux).

    Raises:
        Invalid: the directory under the temporary directory belongs to somebody else.
    """
    digest = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:12]
    base = Path(tempfile.gettempdir()) / f"workstation-{os.geteuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    found = base.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise Invalid(f"{base} is not private to you.", "Remove it, or set TMPDIR to a directory of your own.")
    path = base / f"{digest}-{login}"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def enrol(directory: Path, connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Make logins, passwords, security keys and credential files for all people.

    Args:
        directory: the demo's.
        connection: a superuser's, autocommit.
    """
    for someone in PEOPLE:
        password = secrets.token_urlsafe(24)
        make_login(connection, someone.login, password, someone.group)
        connection.execute(
            "SELECT ws.enrol(%s, %s, %s, %s::smallint, %s, %s, %s, %s)",
            (
                someone.login,
                someone.person_id,
                someone.name,
                someone.level,
                someone.role,
                TEAM,
                list(someone.languages),
                f"{someone.login}@staff.exchange.example" if someone.role == "lead" else "",
            ),
        )
        folder = home(directory, someone.login)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        credential = SoftKey(folder / "key.json", lambda: None).enrol(RP_ID)
        # AttestedCredentialData: AAGUID (16), length (2), id
        identifier = credential[18 : 18 + int.from_bytes(credential[16:18])]
        connection.execute("SELECT ws.enrol_factor(%s, 'fido2', %s, %s)", (someone.login, identifier, credential))
        write_private(
            folder / "credentials.json",
            msgspec.json.encode({f"store:{someone.login}": password, "drafts:key": secrets.token_hex(32)}),
        )


def grant(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Let the Level 2 analysts ask for what their level may, as two leads would have for half a year."""
    connection.execute(
        """INSERT INTO wsd.grant_of(login, act, given_by, confirmed_by, until)
           SELECT s.login, p.act, 'lea.w', 'sam.o', clock_timestamp() + interval '180 days'
             FROM wsd.staff s, wsd.policy p WHERE s.level = 2 AND p.tier >= 2 AND p.min_level <= 2
           ON CONFLICT DO NOTHING"""
    )


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    beside = path.with_name(path.name + ".new")
    beside.touch(mode=0o600)
    beside.write_bytes(data)
    beside.rename(path)
