"""Filling a new demo: store, policy, people, daemons' credentials, cases. Done once for a directory."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg

from workstation.sandbox.people import RP_ID, TEAM, enrol, grant, home, socket_home, write_private
from workstation.services.clock import parse_instant
from workstation.services.connect import READ_TOKENS
from workstation.services.people import procedures
from workstation.services.policy import document, installing
from workstation.services.store.embedded import Lease
from workstation.services.store.logins import make_login
from workstation.services.store.migrate import migrate
from workstation.services.vault import credential_file

#: First reply due, by kind (hours). An account at risk comes first.
DUE_H = {
    "account_takeover": 1,
    "suspicious_activity": 2,
    "withdrawal_hold": 4,
    "contact_change": 2,
    "phishing_report": 2,
}
DUE_ELSE_H = 8
#: The screen says it: a demo cannot wait for a day.
POLICY = "demo: cool-downs last one minute"
COOLDOWN_S = 60
#: Who gets checkpoints by mail, and the names of the log and of its witness.
AUDITOR, ORIGIN, WITNESS = "auditor@audit.example", "exchange.example/audit", "exchange.example/witness"
#: The daemons that sign in to the store, and as whom.
LOGINS = {"broker": "ws_executor", "courier": "ws_courier", "notary": "ws_notary", "reader": "ws_reader"}
#: Who signs it: a lead and a senior.
SIGNERS = ("lea.w", "olga.p")


def wipe(directory: Path) -> None:
    """Remove what a preparation that was interrupted left behind."""
    for name in (
        "store",
        "exchange",
        "people",
        "daemons",
        "notary",
        "witness",
        "checkpoints",
        "settings.toml",
        "demo.json",
    ):
        path = directory / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def apply_rules(lease: Lease, say: Callable[[str], None]) -> None:
    """Bring the store to this version; at every start, so that a newer workstation fits."""
    migrate(lease.superuser_dsn("postgres"), on_progress=lambda word: say(f"making the store: {word}"))
    with psycopg.connect(lease.superuser_dsn("ws"), autocommit=True) as connection:
        connection.execute("INSERT INTO wsd.store_meta VALUES ('intake_team', %s) ON CONFLICT DO NOTHING", (TEAM,))
        procedures.install(connection, procedures.standard())


def prepare_people(directory: Path, lease: Lease, tokens: dict[str, str], say: Callable[[str], None]) -> None:
    """Enrol the people, and give the daemons their credentials."""
    say("enrolling the demo's people")
    with psycopg.connect(lease.superuser_dsn("ws"), autocommit=True) as connection:
        enrol(directory, connection)
        grant(connection)
        _sign_policy(directory, connection)
        _daemons(directory, connection, tokens)


def _sign_policy(directory: Path, connection: psycopg.Connection[Any]) -> None:
    """Put the demo's policy in force as any team would: two of its people sign it, each with an own key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    released = document.standard()
    acts = {
        act: msgspec.structs.replace(asked, cooldown_s=min(asked.cooldown_s, COOLDOWN_S))
        for act, asked in released.acts.items()
    }
    wanted = msgspec.structs.replace(released, version=released.version + 1, text=POLICY, acts=acts)
    change = document.Change(replaces=released.hash.hex(), hash=wanted.hash.hex(), version=wanted.version)
    for login in SIGNERS:
        key = Ed25519PrivateKey.generate()
        installing.enrol_key(connection, login, key.public_key().public_bytes_raw())
        write_private(home(directory, login) / "policy.key", key.private_bytes_raw())
        change = document.sign(change, key)
    installing.install(connection, wanted, change)


def _daemons(directory: Path, connection: psycopg.Connection[Any], tokens: dict[str, str]) -> None:
    given: dict[str, dict[str, str]] = {
        "broker": {
            "accounts:read": tokens["read"],
            "accounts:write": tokens["write"],
            "step-up:key": secrets.token_hex(32),
            "veto:key": secrets.token_hex(32),
        },
        "courier": {"mail:token-key": secrets.token_hex(32)},
        "reader": dict.fromkeys(READ_TOKENS, tokens["read"]),
        "notary": {"notary:key": secrets.token_hex(32)},
        "witness": {"witness:key": secrets.token_hex(32)},
    }
    for daemon, login in LOGINS.items():
        given[daemon][f"store:{login}"] = secrets.token_urlsafe(24)
        make_login(connection, login, given[daemon][f"store:{login}"], None)
    for daemon, credentials in given.items():
        folder = directory / "daemons" / daemon
        folder.mkdir(mode=0o700, parents=True)
        for name, value in credentials.items():
            write_private(folder / credential_file(name), value.encode())
    connection.execute("SELECT ws.set_auditor_mail(%s)", (AUDITOR,))


def prepare_cases(exchange: Path, url: str, read_token: str, superuser_dsn: str, say: Callable[[str], None]) -> int:
    """Open a case for each client who wrote; the risk is what the exchange's engine says. Returns how many."""
    from workstation.sandbox.clients import cases

    say("opening the clients' cases")
    found = cases(exchange)
    with (
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {read_token}"}, timeout=20.0) as http,
        psycopg.connect(superuser_dsn, autocommit=True) as connection,
    ):
        for case in found:
            risk = http.get(f"/v1/accounts/{case['account']}/risk").raise_for_status().json()
            _open_case(connection, case, risk["score"])
    return len(found)


def _open_case(connection: psycopg.Connection[Any], case: dict[str, Any], score: float | None) -> None:
    opened = parse_instant(case["opened_at"])
    due = opened + timedelta(hours=DUE_H.get(case["kind"], DUE_ELSE_H))
    connection.execute(
        """INSERT INTO wsd.case_file(kind, account_id, team, language, subject, excerpt, opened_at, trouble_since,
                                     due_at, risk, funds_usd, first_message_id, procedure_version)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
                   coalesce((SELECT max(version) FROM wsd.procedure WHERE kind = %s), 1))
           ON CONFLICT DO NOTHING""",
        (
            case["kind"],
            case["account"],
            TEAM,
            case["language"],
            case["subject"][:300],
            case["excerpt"][:300],
            opened,
            parse_instant(case["trouble_since"]),
            due,
            None if score is None else round(score),
            case["funds_usd"],
            case["mail_message_id"],
            case["kind"],
        ),
    )


def settings_text(exchange: Path, url: str, socket: str) -> bytes:
    """Return the settings file of this run, as a team would write its own."""
    logs = [
        {"name": "sign-in log", "url": url, "dataset": "signin-log"},
        {"name": "account log", "url": url, "dataset": "account-log"},
        {"name": "ledger", "url": url, "dataset": "ledger"},
    ]
    return msgspec.toml.encode(
        {
            "store": {"url": f"host={_quoted(socket)} dbname=ws"},
            "accounts": {"kind": "contract", "url": url},
            "logs": logs,
            "risk": {"kind": "contract", "url": url},
            "reader": {"url": f"unix:{reader_socket(exchange.parent)}"},
            "mail": {
                "brand": "Sandbox Exchange",
                "address": "support@exchange.example",
                "authserv": "mx.exchange.example",
                "hosts": ["exchange.example"],
                "kind": "maildir",
                "directory": str(exchange / "mail"),
            },
            "step_up": {"rp_id": RP_ID},
            "veto": {"page": f"{url.rstrip('/')}/sandbox/stop"},
            **_watch(exchange.parent),
        }
    )


def reader_socket(directory: Path) -> Path:
    """Return where the reader listens."""
    return socket_home(directory, "reader") / "r.sock"


def _watch(directory: Path) -> dict[str, object]:
    """Return the settings of the notary and its witness; each has its key from its own credentials."""
    from workstation.services.audit.notes import WITNESS_KEY, signer_of

    folder = directory / "daemons"
    notary = signer_of(ORIGIN, (folder / "notary" / credential_file("notary:key")).read_text()).key
    seed = (folder / "witness" / credential_file("witness:key")).read_text()
    witness = signer_of(WITNESS, seed, WITNESS_KEY).key
    listen = f"unix:{socket_home(directory, 'witness') / 'w.sock'}"
    return {
        "notary": {
            "origin": ORIGIN,
            "state": str(directory / "notary"),
            "sinks": [str(directory / "checkpoints")],
            "witnesses": [{"url": listen, "key": str(witness)}],
            "keys": [str(notary), str(witness)],
        },
        "witness": {"name": WITNESS, "state": str(directory / "witness"), "listen": listen, "logs": [str(notary)]},
    }


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
