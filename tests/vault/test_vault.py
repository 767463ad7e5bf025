"""The vault: no code from a config, no wait without an end, no secret where others read."""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from workstation.services.errors import KeyringUnavailable, Refused
from workstation.services.text import is_clean
from workstation.services.vault import (
    ALLOWED,
    SERVICE,
    CredentialsDirectory,
    MemoryVault,
    Secrets,
    Vault,
    credential_file,
)

NAME = "store:ana.k@host/db"
EVIL = """
import pathlib, os
pathlib.Path(os.environ["MARKER"]).write_text("loaded")
from keyring.backend import KeyringBackend
class Keyring(KeyringBackend):
    priority = 99
    def get_password(self, service, username): return "stolen"
    def set_password(self, service, username, password): pass
    def delete_password(self, service, username): pass
"""
ASK_US = """
import asyncio
from workstation.services.errors import KeyringUnavailable
from workstation.services.vault import Vault
try:
    print("got", asyncio.run(Vault().get("x")))
except KeyringUnavailable as error:
    print("unavailable", error.sentence())
"""
ASK_THE_LIBRARY = "import keyring; print('got', keyring.get_password('workstation', 'x'))"


class Store:
    """A backend in memory, called as `keyring` calls one."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self.threads: list[threading.Thread] = []

    def get_password(self, service: str, username: str) -> str | None:
        self.threads.append(threading.current_thread())
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


class SecretsContract:
    """What every place of secrets that can be written does. Subclasses give the fixture `secrets`."""

    async def test_keeps_gives_and_forgets(self, secrets: Secrets) -> None:
        assert await secrets.get(NAME) is None
        await secrets.put(NAME, "s\u00e9cret \U0001f511\n")
        assert await secrets.get(NAME) == "s\u00e9cret \U0001f511\n"
        await secrets.put(NAME, "another")
        assert await secrets.get(NAME) == "another"
        assert await secrets.get("read-token:contract") is None
        await secrets.delete(NAME)
        await secrets.delete(NAME)
        assert await secrets.get(NAME) is None


class TestMemoryVault(SecretsContract):
    @pytest.fixture
    def secrets(self) -> Secrets:
        return MemoryVault()


class TestVault(SecretsContract):
    @pytest.fixture
    def store(self) -> Store:
        return Store()

    @pytest.fixture
    def secrets(self, store: Store) -> Secrets:
        return Vault(lambda: store)

    async def test_asks_in_a_thread_that_cannot_hold_up_the_end(self, store: Store, secrets: Secrets) -> None:
        await secrets.get(NAME)
        assert store.threads[0] is not threading.main_thread() and store.threads[0].daemon

    async def test_keeps_everything_under_our_own_name(self, store: Store, secrets: Secrets) -> None:
        await secrets.put(NAME, "x")
        assert set(store.held) == {(SERVICE, NAME)}

    async def test_a_keyring_that_does_not_answer_has_a_deadline_and_is_not_asked_again(self) -> None:
        go, asked = threading.Event(), 0

        class Silent(Store):
            def get_password(self, service: str, username: str) -> str | None:
                nonlocal asked
                asked += 1
                go.wait()
                return super().get_password(service, username)

        vault = Vault(Silent, deadline_s=0.05)
        with pytest.raises(KeyringUnavailable, match="does not answer"):
            await vault.get(NAME)
        with pytest.raises(KeyringUnavailable, match="still"):
            await vault.get(NAME)
        assert asked == 1
        (stuck,) = [thread for thread in threading.enumerate() if thread.name == "keyring"]
        go.set()
        await asyncio.to_thread(stuck.join)
        assert await vault.get(NAME) is None

    @pytest.mark.parametrize("kind", ["KeyringLocked", "LockedException", "InitError", "RuntimeError", "DBusError"])
    async def test_every_failure_is_a_sentence_that_repeats_nothing(self, kind: str) -> None:
        class Broken(Store):
            def get_password(self, service: str, username: str) -> str | None:
                raise type(kind, (Exception,), {})(f"could not read {username}: hunter2 \x1b[2J")

        with pytest.raises(KeyringUnavailable) as caught:
            await Vault(Broken).get(NAME)
        assert ("locked" in caught.value.what) is ("Locked" in kind)
        assert "hunter2" not in caught.value.sentence() and is_clean(caught.value.sentence())
        assert "in memory" in caught.value.hint

    async def test_a_backend_that_cannot_be_made_is_tried_again(self) -> None:
        made: list[Store] = []

        def make() -> Store:
            made.append(Store())
            if len(made) == 1:
                raise KeyringUnavailable("This session has no keyring.")
            return made[-1]

        vault = Vault(make)
        with pytest.raises(KeyringUnavailable, match="no keyring"):
            await vault.get(NAME)
        assert await vault.get(NAME) is None and await vault.get(NAME) is None
        assert len(made) == 2


class TestPoison:
    def ask(self, home: Path, program: str, **poison: str) -> tuple[str, bool]:
        """Run `program` with a poisoned configuration; return what it printed and whether our marker was written."""
        config = home / "config" / "python_keyring"
        config.mkdir(parents=True)
        evil = home / "evil"
        evil.mkdir()
        (evil / "evilring.py").write_text(EVIL)
        if "PYTHON_KEYRING_BACKEND" not in poison:
            (config / "keyringrc.cfg").write_text(f"[backend]\ndefault-keyring=evilring.Keyring\nkeyring-path={evil}\n")
        keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**keep, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "MARKER": str(home / "marker")}
            | {"XDG_DATA_HOME": str(home / "data"), "PYTHONPATH": f"{evil}:{':'.join(filter(None, sys.path))}"}
            | poison,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout + done.stderr, (home / "marker").exists()

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a keyring, the person's own")
    @pytest.mark.parametrize(
        "poison", [{}, {"PYTHON_KEYRING_BACKEND": "evilring.Keyring"}], ids=["keyringrc.cfg", "environment"]
    )
    def test_no_configuration_loads_code(self, tmp_path: Path, poison: dict[str, str]) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        assert self.ask(tmp_path / "b", ASK_THE_LIBRARY, **poison) == ("got stolen\n", True)  # the poison is real
        said, loaded = self.ask(tmp_path / "a", ASK_US, **poison)
        assert said.startswith("unavailable This session has no keyring.") and not loaded

    def test_only_encrypted_stores_of_the_system_are_on_the_list(self) -> None:
        modules = {module for backends in ALLOWED.values() for module, _ in backends}
        assert all(module.startswith("keyring.backends.") for module in modules)
        assert not modules & {f"keyring.backends.{name}" for name in ("null", "fail", "chainer")}


class TestCredentialsDirectory:
    @pytest.fixture
    def directory(self, tmp_path: Path) -> Path:
        path = tmp_path / "credentials"
        path.mkdir(mode=0o700)
        return path

    def write(self, directory: Path, content: bytes, mode: int = 0o400) -> Path:
        file = directory / credential_file("read-token:contract")
        file.write_bytes(content)
        file.chmod(mode)
        return file

    def read(self, directory: Path) -> str | None:
        return asyncio.run(CredentialsDirectory(directory).get("read-token:contract"))

    def test_gives_the_text_without_its_last_line_feed(self, directory: Path) -> None:
        assert self.read(directory) is None
        self.write(directory, b"tok\xc3\xa9n\n")
        assert self.read(directory) == "tokén"

    @pytest.mark.parametrize("mode", [0o404, 0o440, 0o444, 0o644, 0o402, 0o401, 0o420])
    def test_a_file_that_others_may_use_is_refused(self, directory: Path, mode: int) -> None:
        self.write(directory, b"token", mode)
        with pytest.raises(Refused, match=f"{mode:04o}"):
            self.read(directory)

    @pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o711])
    def test_a_directory_that_others_may_use_is_refused(self, directory: Path, mode: int) -> None:
        self.write(directory, b"token")
        directory.chmod(mode)
        with pytest.raises(Refused) as caught:
            self.read(directory)
        assert caught.value.rule == "credentials.readable"

    def test_an_access_list_for_us_alone_is_systemds_way(self, directory: Path) -> None:
        file = self.write(directory, b"token")
        if not set_list(
            file, [(0x01, 4, NOT), (0x02, 4, os.geteuid()), (0x04, 0, NOT), (0x10, 4, NOT), (0x20, 0, NOT)]
        ):
            pytest.skip("this file system has no access lists")
        assert file.stat().st_mode & 0o070
        assert self.read(directory) == "token"
        for other in ((0x02, 4, 54321), (0x08, 4, 54321)):
            set_list(file, [(0x01, 4, NOT), other, (0x04, 0, NOT), (0x10, 4, NOT), (0x20, 0, NOT)])
            with pytest.raises(Refused):
                self.read(directory)

    def test_a_link_a_directory_and_a_pipe_are_refused(self, directory: Path, tmp_path: Path) -> None:
        (tmp_path / "real").write_bytes(b"token")
        name = directory / credential_file("read-token:contract")
        for make in (
            lambda: name.symlink_to(tmp_path / "real"),
            lambda: name.mkdir(0o700),
            lambda: os.mkfifo(name, 0o600),
        ):
            make()
            with pytest.raises(Refused):
                self.read(directory)
            name.rmdir() if name.is_dir() and not name.is_symlink() else name.unlink()

    @pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 70_000])
    def test_what_is_no_text_or_too_large_is_refused(self, directory: Path, content: bytes) -> None:
        self.write(directory, content)
        with pytest.raises(Refused, match="cannot be used"):
            self.read(directory)

    def test_a_directory_that_is_not_there_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match="cannot be read") as caught:
            self.read(tmp_path / "nowhere")
        assert "LoadCredential" in caught.value.hint

    def test_it_is_never_written(self, directory: Path) -> None:
        place = CredentialsDirectory(directory)
        for write in (place.put("x", "y"), place.delete("x")):
            with pytest.raises(Refused):
                asyncio.run(write)
        assert list(directory.iterdir()) == []

    @pytest.mark.parametrize("name", ["../../etc/passwd", "..", ".", "", "a/b", "a\x00b", "store:ana.k@host/db"])
    def test_a_name_stays_within_the_directory(self, name: str) -> None:
        file = credential_file(name)
        assert file not in ("", ".", "..") and "/" not in file and "\x00" not in file


NOT = 0xFFFFFFFF


def set_list(file: Path, entries: list[tuple[int, int, int]]) -> bool:
    """Set a POSIX access list (acl(5)); return whether the file system keeps such."""
    packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(file, "system.posix_acl_access", packed)
    except (OSError, AttributeError):
        return False
    return True
