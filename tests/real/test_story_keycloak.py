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

import psycopg
import pytest

from tests.real.keycloak.client import Keycloak, KeycloakUser
from tests.story import driver
from workstation.sandbox.people import RP_ID
from workstation.sandbox.softkey import SocketKey, SoftKey, touch
from workstation.services.clock import SystemClock
from workstation.services.connect import open_desk
from workstation.services.people import procedures
from workstation.services.store import embedded
from workstation.services.store.logins import make_login
from workstation.services.store.migrate import migrate
from workstation.services.vault import MemoryVault, credential_file
from workstation.services.workbench import Workbench
from workstation.settings import AccountSettings, LogSettings, MailSettings, Settings, StepUpSettings, StoreSettings

pytestmark = pytest.mark.real
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
            mail=MailSettings(brand="Example", address="support@exchange.example", kind="maildir"),
            step_up=StepUpSettings(rp_id=RP_ID),
        )
        self.reader_secret, self.writer_secret = keycloak.reader[1], keycloak.writer[1]
        self.passwords: dict[str, str] = {}
        self.keys: list[subprocess.Popen[bytes]] = []

    def enrol(self) -> None:
        """Make the people and their keys; cool-downs last a second, so that the story can end."""
        with psycopg.connect(self.lease.superuser_dsn("ws"), autocommit=True) as su:
            procedures.install(su, procedures.standard())
            su.execute("UPDATE wsd.policy SET cooldown = '1 s' WHERE tier = 3")
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
            self.passwords["ws_executor"] = secrets.token_urlsafe(20)
            make_login(su, "ws_executor", self.passwords["ws_executor"], None)

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
        """Start `workstation broker` as a service manager would, with a credentials directory of its own."""
        given = {
            "accounts:read": self.reader_secret,
            "accounts:write": self.writer_secret,
            "step-up:key": secrets.token_hex(32),
            "store:ws_executor": self.passwords["ws_executor"],
        }
        folder = self.directory / "broker"
        folder.mkdir(mode=0o700)
        for name, value in given.items():
            path = folder / credential_file(name)
            path.touch(mode=0o600)
            path.write_text(value)
        file = self.directory / "settings.toml"
        import msgspec

        file.write_bytes(msgspec.toml.encode(_without_none(msgspec.to_builtins(self.settings))))
        return subprocess.Popen(
            [sys.executable, "-m", "workstation.cli", "broker", "--settings", str(file), "--parent", str(os.getpid())],
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
        broker = made.broker()
        yield made
        for process in (broker, *made.keys):
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
    await driver.step_up(sam, await sam.intent(case, "remove_factor", factor))
    removal = await sam.request_act(case, "remove_factor", factor, "LOST_DEVICE", driver.REASON)
    await driver.agree(yuki, case)
    done = await driver.outcome(sam, case, removal)
    assert "totp" not in done.readback

    assert keycloak.login(user.username, user.password).ok


async def _cleared(keycloak: Keycloak, user: KeycloakUser) -> None:
    """The failed sign-in of the check above counts too: start again from none."""
    keycloak.admin.delete(f"/attack-detection/brute-force/users/{user.id}").raise_for_status()
