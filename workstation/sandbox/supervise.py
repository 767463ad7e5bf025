"""The demo's supervisor: a process that starts everything, restarts what dies, and stops with the last terminal.

``python -m workstation.sandbox.supervise DIR SEED SCALE``. Terminals hold a shared lock on ``demo.lease``;
when nobody does, or on SIGTERM, everything is stopped. Children die with this process (PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import sys
import time
from pathlib import Path
from typing import IO

import msgspec

from workstation.sandbox import prepare
from workstation.sandbox.people import PEOPLE, socket_home, write_private
from workstation.services.daemon import logger, pause, stop_event
from workstation.services.errors import WorkstationError
from workstation.services.store import embedded
from workstation.services.store.embedded_home import Home

log = logger("supervisor")
#: A child that dies at once is started again after this long, so that a broken one does not burn a core.
BACKOFF_S = 1.0
#: How long a child may take to stop cleanly.
STOP_S = 8.0


class Child:
    """A process of ours that is started again when it ends."""

    def __init__(self, name: str, argv: list[str], directory: Path, env: dict[str, str] | None = None) -> None:
        self.name = name
        self._argv = argv
        self.log_file = directory / f"{name}.log"
        self._env = {**os.environ, **(env or {})}
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; its output goes to its own log file."""
        with self.log_file.open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *self._argv, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, env=self._env
            )

    async def keep(self, stop: asyncio.Event) -> None:
        """Start it again whenever it ends, until `stop`."""
        while not stop.is_set():
            assert self.process is not None
            code = await self.process.wait()
            if stop.is_set():
                return
            log("child.ended", child=self.name, code=code)
            await pause(stop, BACKOFF_S if code else 0.1)
            if not stop.is_set():
                await self.start()

    async def end(self) -> None:
        """Stop it cleanly, and by force when that takes too long."""
        if self.process is None or self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), STOP_S)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


class Supervisor:
    """Brings one demo up and keeps it up.

    Args:
        directory: the demo's.
        seed: for the generator.
        scale: for the generator.
    """

    def __init__(self, directory: Path, seed: int, scale: int) -> None:
        self._directory = directory
        self._exchange = directory / "exchange"
        self._seed = seed
        self._scale = scale
        self._children: list[Child] = []
        # Kept open to the end: while this process stops, new terminals wait at this lock.
        self._lease = (directory / "demo.lease").open("a+")

    def say(self, word: str, phase: str = "starting", hint: str = "") -> None:
        """Tell the terminals that wait how far it is."""
        state = {"pid": os.getpid(), "phase": phase, "at": time.time(), "word": word, "hint": hint}
        write_private(self._directory / "state.json", msgspec.json.encode(state))

    async def run(self, stop: asyncio.Event) -> None:
        """Start everything, keep it, and stop it when nobody holds the lease."""
        (self._directory / "demo.json").unlink(missing_ok=True)
        fresh = not (self._directory / "prepared").exists()
        if fresh:
            prepare.wipe(self._directory)
        lease = await asyncio.to_thread(embedded.start, self._directory / "store", on_progress=self.say)
        try:
            await self._bring_up(lease, fresh, stop)
            keepers = [asyncio.ensure_future(child.keep(stop)) for child in self._children]
            self.say("ready", "ready")
            log("ready")
            await self._until_alone(stop)
            stop.set()
            self.say("stopping", "stopping")
            await asyncio.gather(*(child.end() for child in self._children), *keepers)
        finally:
            stop.set()
            for child in self._children:
                await child.end()
            (self._directory / "demo.json").unlink(missing_ok=True)
            await self._let_go_of(lease)

    async def _let_go_of(self, lease: embedded.Lease) -> None:
        """Give the store back and wait until its own supervisor has stopped it, so that nothing outlives the demo."""
        lease.close()
        home = Home(self._directory / "store")
        for _ in range(int(STOP_S / 0.05)):
            if not home.supervised():
                return
            await asyncio.sleep(0.05)

    async def _bring_up(self, lease: embedded.Lease, fresh: bool, stop: asyncio.Event) -> None:
        tokens = self._tokens()
        await asyncio.to_thread(prepare.apply_rules, lease, self.say)
        if fresh:
            await asyncio.to_thread(prepare.prepare_people, self._directory, lease, tokens, self.say)
        self.say("starting the exchange" if not fresh else "inventing an exchange with its clients")
        url = await self._start_exchange(stop)
        if fresh:
            await asyncio.to_thread(
                prepare.prepare_cases, self._exchange, url, tokens["read"], lease.superuser_dsn("ws"), self.say
            )
        write_private(self._directory / "settings.toml", prepare.settings_text(self._exchange, url, lease.host))
        self.say("starting broker, courier, reader and notary")
        prepare.reader_socket(self._directory).unlink(missing_ok=True)
        for child in self._daemons():
            self._children.append(child)
            await child.start()
        await self._until_keys_answer(stop)
        await self._until_there(stop, "reader", prepare.reader_socket(self._directory))
        (self._directory / "prepared").touch(mode=0o600)
        write_private(self._directory / "demo.json", msgspec.json.encode(self._info(lease, url)))

    async def _start_exchange(self, stop: asyncio.Event) -> str:
        ready = self._exchange / "sandbox.json"
        ready.unlink(missing_ok=True)
        argv = ["-m", "workstation.sandbox.server", "--dir", str(self._exchange)]
        argv += ["--seed", str(self._seed), "--scale", str(self._scale)]
        if (old := self._exchange / "port").exists():
            argv += ["--port", old.read_text()]
        child = Child("exchange", argv, self._directory)
        self._children.append(child)
        await child.start()
        while not stop.is_set():
            if ready.exists():
                url = str(msgspec.json.decode(ready.read_bytes())["url"])
                # The same port after a restart: the daemons' settings stay right.
                old.write_text(url.rpartition(":")[2].rstrip("/"))
                return url
            if child.process is None or child.process.returncode is not None:
                raise WorkstationError(
                    "The simulated exchange did not start.", f"Look at {self._directory}/exchange.log."
                )
            await pause(stop, 0.05)
        raise WorkstationError("Stopped before it was ready.", "")

    async def _until_keys_answer(self, stop: asyncio.Event) -> None:
        """Wait for every person's key: whoever is told "ready" may plug theirs in at once."""
        for person in PEOPLE:
            path = socket_home(self._directory, person.login) / "key.sock"
            await self._until_there(stop, f"key-{person.login}", path)

    async def _until_there(self, stop: asyncio.Event, name: str, path: Path) -> None:
        """Wait until a child listens at `path`. Raises WorkstationError where it ended before."""
        child = next(child for child in self._children if child.name == name)
        while not stop.is_set() and not await asyncio.to_thread(path.exists):
            if child.process is None or child.process.returncode is not None:
                raise WorkstationError(f"“{name}” did not start.", f"Look at {child.log_file}.")
            await pause(stop, 0.02)

    def _daemons(self) -> list[Child]:
        settings = str(self._directory / "settings.toml")
        daemons = {
            "broker": ["broker"],
            "courier": ["courier"],
            "reader": ["reader"],
            "witness": ["notary", "--witness"],
            "notary": ["notary"],
        }
        children = [
            Child(
                daemon,
                ["-m", "workstation.cli", *words, "--settings", settings, "--parent", str(os.getpid())],
                self._directory,
                {"CREDENTIALS_DIRECTORY": str(self._directory / "daemons" / daemon)},
            )
            for daemon, words in daemons.items()
        ]
        for person in PEOPLE:
            home = socket_home(self._directory, person.login)
            # What a killed demo left behind is no key that answers.
            (home / "key.sock").unlink(missing_ok=True)
            argv = ["-m", "workstation.sandbox.softkey", str(self._directory / "people" / person.login), str(home)]
            argv.append(str(os.getpid()))
            children.append(Child(f"key-{person.login}", argv, self._directory))
        return children

    def _tokens(self) -> dict[str, str]:
        path = self._exchange / "sandbox-tokens.json"
        if not path.exists():
            self._exchange.mkdir(mode=0o700, exist_ok=True)
            write_private(
                path, msgspec.json.encode({"read": secrets.token_urlsafe(32), "write": secrets.token_urlsafe(32)})
            )
        found: dict[str, str] = msgspec.json.decode(path.read_bytes())
        return found

    def _info(self, lease: embedded.Lease, url: str) -> dict[str, object]:
        from urllib.parse import quote

        return {
            "store_url": f"postgresql:///ws?host={quote(lease.host, safe='')}",
            "sandbox_url": url,
            "directory": str(self._directory),
            "people": [
                {"login": p.login, "name": p.name, "level": p.level, "role": p.role, "languages": p.languages}
                for p in PEOPLE
            ],
            "pid": os.getpid(),
        }

    async def _until_alone(self, stop: asyncio.Event) -> None:
        while not stop.is_set() and not _alone(self._lease):
            await pause(stop, 0.2)


def _alone(lease: IO[str]) -> bool:
    try:
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _main(directory: Path, seed: int, scale: int) -> int:
    with (directory / "supervisor.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0  # another one is at it
        supervisor = Supervisor(directory, seed, scale)
        supervisor.say("starting")
        try:
            await supervisor.run(stop_event())
        except WorkstationError as error:
            supervisor.say(error.what, "failed", error.hint)
            log("failed", why=error.sentence())
            return 1
        except Exception as error:
            # A fault of ours: the terminals that wait must hear of it, and the log keeps where it was.
            hint = f"{directory / 'supervisor.log'} says where."
            supervisor.say(f"The demo could not be started: {error!r}", "failed", hint)
            raise
    return 0


def main() -> None:
    """Run the supervisor of the directory that the command line names."""
    directory, seed, scale = sys.argv[1:4]
    sys.exit(asyncio.run(_main(Path(directory), int(seed), int(scale))))


if __name__ == "__main__":
    main()
