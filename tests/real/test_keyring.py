"""The vault over a real Secret Service: gnome-keyring on a message bus of its own, without a display."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vault.test_vault import NAME, SecretsContract
from workstation.services.errors import KeyringUnavailable
from workstation.services.vault import SERVICE, Secrets, Vault

from .conftest import absent

pytestmark = pytest.mark.real
PASSWORD = b"the-sign-in-password"


class Desktop:
    """A person's session: a home, a bus, and a keyring daemon when they sign in."""

    def __init__(self, home: Path) -> None:
        folders = {
            "XDG_DATA_HOME": "data",
            "XDG_RUNTIME_DIR": "run",
            "XDG_CACHE_HOME": "cache",
            "XDG_CONFIG_HOME": "config",
        }
        for folder in folders.values():
            (home / folder).mkdir(mode=0o700)
        self.environment = {"HOME": str(home)} | {name: str(home / folder) for name, folder in folders.items()}
        # A bus without service files: nothing is started behind the test's back.
        config = home / "bus.conf"
        config.write_text(
            "<busconfig><type>session</type>"
            f"<listen>unix:path={home}/run/bus</listen><auth>EXTERNAL</auth>"
            '<policy context="default"><allow send_destination="*" eavesdrop="true"/>'
            '<allow eavesdrop="true"/><allow own="*"/></policy>'
            "</busconfig>"
        )
        self.bus = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | self.environment,
        )
        assert self.bus.stdout is not None
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = self.bus.stdout.readline().decode().strip()
        self.daemon: subprocess.Popen[bytes] | None = None

    def sign_in(self, password: bytes) -> None:
        """Start the keyring daemon, unlocked with `password` where that is right."""
        self.daemon = subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | self.environment,
        )
        assert self.daemon.stdin is not None
        self.daemon.stdin.write(password)
        self.daemon.stdin.close()
        self.ask("--print-reply", "org.freedesktop.DBus.Peer.Ping", patient=True)

    def ask(self, *arguments: str, patient: bool = False) -> str:
        """Call the keyring daemon; `patient` waits until it is on the bus."""
        call = [
            "dbus-send",
            "--session",
            "--dest=org.freedesktop.secrets",
            "--type=method_call",
            "--reply-timeout=5000",
        ]
        object_, rest = "/org/freedesktop/secrets", list(arguments)
        while True:
            done = subprocess.run(
                [*call, rest[0], object_, *rest[1:]],
                env=os.environ | self.environment,
                capture_output=True,
                text=True,
                timeout=30,
            )
            if done.returncode == 0 or not patient:
                return done.stdout
            assert self.daemon is not None and self.daemon.poll() is None, "the keyring daemon ended"

    def secret_tool(self, *arguments: str) -> str:
        """Ask with somebody else's program."""
        environment = os.environ | self.environment
        done = subprocess.run(["secret-tool", *arguments], env=environment, capture_output=True, text=True, timeout=30)
        return done.stdout

    def files(self) -> list[bytes]:
        """Return what lies on the disk."""
        return [file.read_bytes() for file in Path(self.environment["XDG_DATA_HOME"]).rglob("*.keyring")]

    def end_daemon(self) -> None:
        """End the keyring daemon; what it keeps stays on the disk."""
        if self.daemon is not None:
            self.daemon.terminate()
            self.daemon.wait(10)

    def sign_out(self) -> None:
        """End the daemon, then the bus."""
        self.end_daemon()
        self.bus.terminate()
        self.bus.wait(10)
        if self.bus.stdout is not None:
            self.bus.stdout.close()


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    if not (shutil.which("gnome-keyring-daemon") and shutil.which("dbus-daemon")):
        absent("KEYRING")
    desktop = Desktop(tmp_path)
    for name, value in desktop.environment.items():
        monkeypatch.setenv(name, value)
    yield desktop
    desktop.sign_out()


class TestGnomeKeyring(SecretsContract):
    @pytest.fixture
    def secrets(self, desktop: Desktop) -> Secrets:
        desktop.sign_in(PASSWORD)
        return Vault()

    async def test_what_is_kept_survives_a_restart_and_is_under_our_name(
        self, desktop: Desktop, secrets: Secrets
    ) -> None:
        await secrets.put(NAME, "kept")
        desktop.end_daemon()
        desktop.sign_in(PASSWORD)
        assert await Vault().get(NAME) == "kept"
        assert desktop.secret_tool("lookup", "service", SERVICE, "username", NAME) == "kept"
        assert desktop.files() and not any(b"kept" in content for content in desktop.files())

    async def test_another_collection_of_the_environment_is_not_used(
        self, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KEYRING_PROPERTY_PREFERRED_COLLECTION", "/org/freedesktop/secrets/collection/evil")
        await secrets.put(NAME, "kept")
        assert await Vault().get(NAME) == "kept"


class TestWithoutAKeyring:
    async def test_no_bus_says_so(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/nobody")
        with pytest.raises(KeyringUnavailable, match="no keyring"):
            await Vault().get(NAME)

    async def test_a_bus_without_a_daemon_says_so(self, desktop: Desktop) -> None:
        with pytest.raises(KeyringUnavailable, match="no keyring"):
            await Vault().get(NAME)

    async def test_a_locked_one_is_not_waited_for(self, desktop: Desktop) -> None:
        desktop.sign_in(PASSWORD)
        vault = Vault(deadline_s=2.0)
        await vault.put(NAME, "kept")
        desktop.ask(
            "--print-reply",
            "org.freedesktop.Secret.Service.Lock",
            "array:objpath:/org/freedesktop/secrets/collection/login",
        )
        with pytest.raises(KeyringUnavailable, match=r"locked|does not answer"):
            await vault.get(NAME)

    async def test_a_wrong_password_leaves_it_locked(self, desktop: Desktop) -> None:
        desktop.sign_in(PASSWORD)
        await Vault().put(NAME, "kept")
        desktop.end_daemon()
        desktop.sign_in(b"not the password")
        with pytest.raises(KeyringUnavailable, match=r"locked|does not answer"):
            await Vault(deadline_s=2.0).get(NAME)

    async def test_a_daemon_that_hangs_meets_the_deadline(self, desktop: Desktop) -> None:
        desktop.sign_in(PASSWORD)
        vault = Vault(deadline_s=0.5)
        await vault.put(NAME, "kept")
        assert desktop.daemon is not None
        desktop.daemon.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(KeyringUnavailable, match="does not answer"):
                await vault.get(NAME)
            with pytest.raises(KeyringUnavailable, match="still"):
                await vault.get(NAME)
        finally:
            desktop.daemon.send_signal(signal.SIGCONT)
