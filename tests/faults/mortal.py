"""A daemon that is killed at a named step: the real one, in a process of its own, by SIGKILL.

A step is a call of a rule in the database, of the account system or of the mailbox, by name; ``before`` and
``after`` are the two moments at which a death differs for the world. Steps that only look for work have no name.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
from collections.abc import Awaitable, Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg

import workstation.services.connect
from workstation import cli
from workstation.services.acts.broker import Broker
from workstation.services.connectors.mailboxes.maildir import MaildirMailbox

#: Rules that only look for work, and the one address at which the broker does.
LOOKING = {"proofs", "releasable", "untold", "unsettled", "reap", "sweep", "purge", "outbox_stuck", "inbox_cursor"}
LOOKING |= {"unannounced", "vetoable", "holds_due", "facts_wanted", "glass_untold", "veto_cursor", "publish_seal_key"}
LOOKING_AT = {"GET v1/vetoes"}

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


class Point(NamedTuple):
    """Where something happens: the step's name, and on which side of it."""

    step: str
    side: str


def step_of_statement(statement: object) -> str:
    """Return the rule that a statement calls, or ``""`` where it only looks for work."""
    text = statement.decode() if isinstance(statement, bytes) else str(statement)
    found = re.search(r"\bws\.(\w+)\s*\(", text)
    return f"ws.{found[1]}" if found and found[1] not in LOOKING else ""


def step_of_request(request: httpx.Request) -> str:
    """Return method and kind of the address of a call to an outside system."""
    kinds = [part for part in request.url.path.split("/") if part and not re.search(r"[0-9A-Z-]{8}", part)]
    step = f"{request.method} {'/'.join(kinds)}"
    return "" if step in LOOKING_AT else step


class Watch:
    """Stands at every step of this process and does its deed at one point.

    Args:
        point: where; None watches only.
        deed: what is done there.
        passed: a file that gets a line for every step.
    """

    def __init__(self, point: Point | None, deed: Callable[[], None], passed: Path) -> None:
        self._point, self._deed, self._passed = point, deed, passed

    def stand(self) -> None:
        """Stand at the calls of psycopg, httpx and the mailbox from now on."""
        execute, send, post = psycopg.AsyncConnection.execute, httpx.AsyncClient.send, MaildirMailbox.send

        async def watched_execute(connection: Any, query: Any, *args: Any, **options: Any) -> Any:
            return await self._through(step_of_statement(query), lambda: execute(connection, query, *args, **options))

        async def watched_send(client: Any, request: httpx.Request, **options: Any) -> Any:
            return await self._through(step_of_request(request), lambda: send(client, request, **options))

        async def watched_post(mailbox: Any, message: bytes, recipient: str) -> None:
            await self._through("mailbox.send", lambda: post(mailbox, message, recipient))

        MaildirMailbox.send = watched_post  # type: ignore[method-assign]
        psycopg.AsyncConnection.execute = watched_execute  # type: ignore[method-assign]
        httpx.AsyncClient.send = watched_send  # type: ignore[method-assign]

    async def _through(self, step: str, call: Callable[[], Awaitable[Any]]) -> Any:
        self._at(step, "before")
        answer = await call()
        self._at(step, "after")
        return answer

    def _at(self, step: str, side: str) -> None:
        if not step:
            return
        with self._passed.open("a") as passed:
            passed.write(f"{step}\t{side}\n")
        if self._point == (step, side):
            self._point = None
            self._deed()


def die() -> None:
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_postmaster(directory: Path) -> Callable[[], None]:
    """Return the deed that kills the database of a demo's directory."""

    def deed() -> None:
        os.kill(int((directory / "store" / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    return deed


async def _release_nothing(broker: Broker) -> int:
    return 0


def _run(name: str, directory: Path, point: Point | None, fault: str, passed: Path, judge_only: bool) -> None:
    os.environ["CREDENTIALS_DIRECTORY"] = str(directory / "daemons" / name)
    log = os.open(directory / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if judge_only:
        Broker.release = _release_nothing  # type: ignore[method-assign]
    Watch(point, die if fault == "daemon" else kill_postmaster(directory), passed).stand()
    os._exit(cli.main([name, "--settings", str(directory / "settings.toml"), "--parent", str(os.getppid())]))


def start(
    name: str,
    directory: Path,
    *,
    point: Point | None = None,
    fault: str = "daemon",
    passed: Path = Path(os.devnull),
    judge_only: bool = False,
) -> BaseProcess:
    """Start the daemon `name` of a stage.

    Args:
        name: ``broker`` or ``courier``.
        directory: the stage's.
        point: where the fault happens; None for a healthy one.
        fault: ``daemon`` kills the daemon itself, ``store`` the database under it.
        passed: gets a line for every point that was passed.
        judge_only: a broker that judges proofs and lets nothing out.
    """
    process = CONTEXT.Process(target=_run, args=(name, directory, point, fault, passed, judge_only), daemon=True)
    process.start()
    return process


#: So that the forkserver has imported everything that a daemon needs before the first fork.
PRELOADED = (workstation.services.connect,)
