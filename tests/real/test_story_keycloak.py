"""The main job against a real Keycloak: a client who locked himself out and lost his second factor gets in again.

Every link is the real one: the embedded store with its rules, the real desks over their own logins, the broker as its
own process with its own credentials, Keycloak's own sign-in before and after.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.real.keycloak.client import Keycloak, KeycloakUser
from tests.story import driver
from workstation.sandbox.people import RP_ID
from workstation.sandbox.softkey import SocketKey, SoftKey, touch
from workstation.services.acts.control import Act
from workstation.services.clock import SystemClock
from workstation.services.connect import open_desk
from workstation.services.people import procedures
from workstation.services.policy import document, installing
from workstation.services.store import embedded
from workstation.services.store.logins import make_login
from workstation.services.store.migrate import migrate
from workstation.services.vault import MemoryVault, credential_file
from workstation.services.workbench import Workbench
from workstation.settings import AccountSettings, LogSettings, MailSettings, Settings, StepUpSettings, StoreSettings

pytestmark = pytest.mark.real
KNOWN_HERE = ("sim_swap", "never_wrote", "no_channel")
PEOPLE = {"ana": ("P1", 1, "ws_l1"), "sam": ("P4", 3, "ws_senior"), "yuki": ("P5", 3, "ws_senior")}


class House:
    """A team's installation on this machine: store, people with keys, settings for the real Keycloak."""

    def __init__(self, directory: Path, lease: embedded.Lease, keycloak: Keycloak) -> None:
        self.directory = directory
        self.lease = lease
        self.settings = Settings(
            store=StoreSettings(url=f"host={lease.host} dbname=ws"),
            accounts=AccountSettings(
                kind="keycloak",
                url=keycloak.url,
                realm=keycloak.realm,
                client=keycloak.reader[0],
                writer_client=keycloak.writer[0],
            ),
            logs=(
                LogSettings(name="keycloak sign-ins", kind="keycloak"),
                LogSettings(name="keycloak admin", kind="keycloak", dataset="admin"),
            ),
            mail=MailSettings(
                brand="Example",
                address="support@exchange.example",
                kind="maildir",
                directory=str(directory / "mail"),
            ),
            step_up=StepUpSettings(rp_id=RP_ID),
        )
        self.reader_secret, self.writer_secret = keycloak.reader[1], keycloak.writer[1]
        self.passwords: dict[str, str] = {}
        self.keys: list[subprocess.Popen[bytes]] = []

    def enrol(self) -> None:
        """Make the people and their keys, and a policy that two of them sign."""
        with psycopg.connect(self.lease.superuser_dsn("ws"), autocommit=True) as su:
            procedures.install(su, procedures.standard())
            for login, (person, level, group) in PEOPLE.items():
                self.passwords[login] = secrets.token_urlsafe(20)
                make_login(su, login, self.passwords[login], group)
                su.execute(
                    "SELECT ws.enrol(%s, %s, %s, %s::smallint, 'analyst', 'A', '{en}')", (login, person, login, level)
                )
                home = self.key_home(login)
                home.mkdir(mode=0o700)
                data = SoftKey(home / "key.json", lambda: None).enrol(RP_ID)
                su.execute("SELECT ws.enrol_factor(%s, 'fido2', %s, %s)", (login, data[18:50], data))
                self.keys.append(
                    subprocess.Popen([sys.executable, "-m", "workstation.sandbox.softkey", str(home), str(home)])
                )
            for daemon in ("ws_executor", "ws_courier"):
                self.passwords[daemon] = secrets.token_urlsafe(20)
                make_login(su, daemon, self.passwords[daemon], None)
            self.sign_policy(su)

    def sign_policy(self, su: psycopg.Connection[tuple[object, ...]]) -> None:
        """What fits a realm: it knows no funds, no SIM card and one address; a new user's password is new.

        The cool-down lasts a second, so that the story can end.
        """
        released = document.standard()
        blockers = {c: b for c, b in released.acts[Act.REMOVE_FACTOR].blockers.items() if c in KNOWN_HERE}
        ours = msgspec.structs.replace(released.acts[Act.REMOVE_FACTOR], cooldown_s=1, hold_s=0, blockers=blockers)
        more = msgspec.structs.replace(ours, approvals_more=1)
        policy = msgspec.structs.replace(
            released, version=2, text="a realm's", acts={**released.acts, Act.REMOVE_FACTOR: more}
        )
        change = document.Change(replaces=released.hash.hex(), hash=policy.hash.hex(), version=2)
        for login in ("sam", "yuki"):
            key = Ed25519PrivateKey.generate()
            installing.enrol_key(su, login, key.public_key().public_bytes_raw())
            change = document.sign(change, key)
        installing.install(su, policy, change)

    def key_home(self, login: str) -> Path:
        return self.directory / f"k-{login}"

    def open_case(self, user: KeycloakUser) -> int:
        """Open the case that the client's mail would open."""
        with psycopg.connect(self.lease.superuser_dsn("ws"), autocommit=True) as su:
            row = su.execute(
                "INSERT INTO wsd.case_file(kind, account_id, team, language, subject) "
                "VALUES ('second_factor_lost', %s, 'A', 'en', 'I cannot sign in') RETURNING id",
                (user.id,),
            ).fetchone()
            assert row is not None
            su.execute(
                "INSERT INTO wsd.mail(case_id, direction, state, message_id, sender, authenticity, raw) "
                "VALUES (%s, 'in', 'received', '<first@x.invalid>', %s, 'DMARC pass', '\\x00')",
                (row[0], user.email),
            )
        return int(row[0])

    async def desk(self, login: str) -> Workbench:
        vault = MemoryVault()
        await vault.put(f"store:{login}", self.passwords[login])
        await vault.put("accounts:read", self.reader_secret)
        socket = self.key_home(login) / "key.sock"
        return await open_desk(
            self.settings,
            vault,
            login,
            SystemClock(),
            drafts_dir=self.directory / "drafts",
            devices=lambda: [SocketKey(socket)],
            touch=lambda: touch(socket),
        )

    def broker(self) -> subprocess.Popen[bytes]:
        """Start `workstation broker`."""
        given = {
            "accounts:read": self.reader_secret,
            "accounts:write": self.writer_secret,
            "step-up:key": secrets.token_hex(32),
            "veto:key": secrets.token_hex(32),
            "store:ws_executor": self.passwords["ws_executor"],
        }
        return self.daemon("broker", given)

    def courier(self) -> subprocess.Popen[bytes]:
        """Start `workstation courier`."""
        given = {"mail:token-key": secrets.token_hex(32), "store:ws_courier": self.passwords["ws_courier"]}
        return self.daemon("courier", given)

    def daemon(self, name: str, given: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start a daemon as a service manager would, with a credentials directory of its own."""
        folder = self.directory / name
        folder.mkdir(mode=0o700)
        for credential, value in given.items():
            path = folder / credential_file(credential)
            path.touch(mode=0o600)
            path.write_text(value)
        file = self.directory / "settings.toml"
        file.write_bytes(msgspec.toml.encode(_without_none(msgspec.to_builtins(self.settings))))
        return subprocess.Popen(
            [sys.executable, "-m", "workstation.cli", name, "--settings", str(file), "--parent", str(os.getpid())],
            env={**os.environ, "CREDENTIALS_DIRECTORY": str(folder)},
        )


def _without_none(value: object) -> object:
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    return [_without_none(v) for v in value] if isinstance(value, list | tuple) else value


@pytest.fixture
def house(tmp_path: Path, keycloak: Keycloak) -> Iterator[House]:
    with embedded.start(tmp_path / "store") as lease:
        migrate(lease.superuser_dsn("postgres"))
        made = House(tmp_path, lease, keycloak)
        made.enrol()
        daemons = (made.broker(), made.courier())
        yield made
        for process in (*daemons, *made.keys):
            process.terminate()
            process.wait(15)


@pytest.fixture
async def desks(house: House) -> AsyncIterator[dict[str, Workbench]]:
    found = {login: await house.desk(login) for login in PEOPLE}
    yield found
    for desk in found.values():
        await desk.aclose()


async def test_a_locked_out_client_without_his_second_factor_gets_in_again(
    keycloak: Keycloak, house: House, desks: dict[str, Workbench], user: KeycloakUser
) -> None:
    assert keycloak.login_as(user).ok
    keycloak.lock_out(user)
    # He still knows his password, and has lost the telephone with the authenticator app.
    assert not keycloak.login(user.username, user.password).ok
    assert not keycloak.login_as(user).ok

    ana, sam, yuki = desks["ana"], desks["sam"], desks["yuki"]
    case = house.open_case(user)
    row = await ana.claim_next()
    assert row is not None
    assert row.id == case

    await driver.investigate(ana, case, "unlock", {}, "rightful_owner")
    await driver.forward(ana, case)
    unlock = await driver.ask(sam, case, "unlock", {}, tier=2)
    await driver.agree(yuki, case)
    done = await driver.outcome(sam, case, unlock)
    assert "locks none" in done.readback
    # Unlocked, but the factor that he lost is still asked for.
    assert not keycloak.login(user.username, user.password).ok
    await _cleared(keycloak, user)

    factor = {"factor": user.factor}
    # His proofs are pins like any other: the realm's log has none of its own for them.
    events = (await driver.whole_timeline(sam, user.id)).events
    for proof_class, event in zip(("proofing", "possession"), events[:2], strict=True):
        pin = await sam.pin(case, event)
        await sam.record_proof(case, proof_class, pin.id, "Seen in a live video call.")
    await driver.step_up(sam, await sam.intent(case, "remove_factor", factor))
    removal = await sam.request_act(case, "remove_factor", factor, "LOST_DEVICE", driver.REASON)
    await driver.agree(yuki, case)
    done = await driver.outcome(sam, case, removal)
    assert "totp" not in done.readback

    assert keycloak.login(user.username, user.password).ok


async def _cleared(keycloak: Keycloak, user: KeycloakUser) -> None:
    """The failed sign-in of the check above counts too: start again from none."""
    keycloak.admin.delete(f"/attack-detection/brute-force/users/{user.id}").raise_for_status()
