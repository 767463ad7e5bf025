"""The workstation's side of a loader in a process of its own, and a spare one that is started before it is needed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from workstation.services.errors import Refused, WorkstationError
from workstation.services.timeline.loading.timeline import Timeline
from workstation.services.timeline.loading.wire import (
    Again,
    Ask,
    Begin,
    Broken,
    Came,
    FromLoader,
    Halt,
    Marked,
    Reply,
    Stand,
    ToLoader,
    from_loader,
    packed,
    unpacked,
)
from workstation.services.timeline.source import Gap, SourceState
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.encoder import Block
from workstation.services.views import SourceLine

#: What runs in the other process: isolated, so that nothing of the environment chooses its code.
COMMAND = (sys.executable, "-I", "-m", "workstation.services.loader")
#: The only variables that it is given: none of them is a credential, or chooses code.
ENVIRONMENT = ("LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
#: Seconds for a loader to end by itself once its pipe is closed.
GOODBYE_S = 2.0
ENDED = ("its loader ended unexpectedly", "Read it again.")

#: Answers what only the session can: what is asked, with which arguments; returns anything that msgpack can say.
Answers = Callable[[str, tuple[Any, ...]], Awaitable[Any]]


class Apart:
    """One loader process that fills one timeline.

    Args:
        process: started with :data:`COMMAND`.
        timeline: what is filled.
        answers: what the loader may ask.
    """

    def __init__(self, process: asyncio.subprocess.Process, timeline: Timeline, answers: Answers) -> None:
        self._process = process
        self._timeline = timeline
        self._answers = answers
        self._asked: set[asyncio.Task[None]] = set()
        self._listening = asyncio.create_task(self._listen(), name="listen to the loader")

    def send(self, message: ToLoader) -> None:
        """Tell the loader something; what it cannot be told any more is not said."""
        pipe = self._process.stdin
        if pipe is not None and not pipe.is_closing():
            pipe.write(packed(message))

    def again(self, source: str) -> None:
        """Read a source on from where it stopped."""
        self.send(Again(source))

    def stop(self) -> None:
        """Stop what is being read."""
        self.send(Halt())

    async def aclose(self) -> None:
        """End the loader."""
        for task in (self._listening, *self._asked):
            task.cancel()
        await asyncio.gather(self._listening, *self._asked, return_exceptions=True)
        await ended(self._process)

    async def _listen(self) -> None:
        reader = self._process.stdout
        assert reader is not None
        try:
            while True:
                await self._hear(from_loader.decode(await unpacked(reader)))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            self._broken(*ENDED)

    async def _hear(self, message: FromLoader) -> None:
        timeline = self._timeline
        if isinstance(message, Came):
            await timeline.turn()
            await asyncio.to_thread(_append, timeline.working, message.block)
            timeline.told()
        elif isinstance(message, Stand):
            timeline.lines, timeline.gaps = message.lines, message.gaps
            timeline.told()
        elif isinstance(message, Marked):
            timeline.marks, timeline.failed_rules = message.marks, message.failed
            timeline.rulebook, timeline.marked = message.rulebook, True
            timeline.told()
        elif isinstance(message, Ask):
            task = asyncio.create_task(self._answer(message), name=f"answer {message.what}")
            self._asked.add(task)
            task.add_done_callback(self._asked.discard)
        elif isinstance(message, Broken):
            self._broken(message.what, message.hint)

    async def _answer(self, asked: Ask) -> None:
        try:
            value = await self._answers(asked.what, msgspec.msgpack.decode(asked.args, type=tuple))
            reply = Reply(id=asked.id, value=msgspec.msgpack.encode(value))
        except Refused as error:
            reply = Reply(id=asked.id, error=error.rule, what=error.what, hint=error.hint)
        except WorkstationError as error:
            reply = Reply(id=asked.id, error="store", what=error.what, hint=error.hint)
        self.send(reply)

    def _broken(self, why: str, hint: str) -> None:
        """Show every source that was not at its end as failed: the loader that read them is gone."""
        timeline = self._timeline
        lost = [line for line in timeline.lines if line.state in (SourceState.LOADING, SourceState.LIVE)]
        timeline.lines = tuple(
            msgspec.structs.replace(line, state=SourceState.FAILED, why=why, percent=None) if line in lost else line
            for line in timeline.lines
        )
        timeline.gaps = (*timeline.gaps, *(self._gap(line, why, hint) for line in lost))
        if not timeline.marked:
            timeline.marked, timeline.failed_rules = True, (f"No rule was asked: {why}.",)
        timeline.told()

    def _gap(self, line: SourceLine, why: str, hint: str) -> Gap:
        span = self._timeline.span
        return Gap(source=line.name, since_us=span.since_us, until_us=span.until_us, why=why, hint=hint)


def _append(working: WorkingSet, block: bytes) -> None:
    working.append(Block.from_bytes(block))


class Loaders:
    """Loader processes; once :meth:`prepare` was called, with one in reserve.

    So opening an account does not wait for an interpreter to start and for the rules to be read.
    """

    def __init__(self) -> None:
        self._spare: asyncio.Task[asyncio.subprocess.Process] | None = None
        self._reserve = False

    def prepare(self) -> None:
        """Start the spare one where there is none, and keep one from now on."""
        self._reserve = True
        if self._spare is None:
            self._spare = asyncio.create_task(_started(), name="start a loader")

    async def open(self, begin: Begin, timeline: Timeline, answers: Answers) -> None:
        """Let a loader fill `timeline`.

        Raises:
            OSError: no process can be started.
        """
        spare, self._spare = self._spare, None
        process = await (spare or _started())
        if process.returncode is not None:  # somebody killed it while it waited
            process = await _started()
        loader = Apart(process, timeline, answers)
        timeline.control = loader
        loader.send(begin)
        if self._reserve:
            self.prepare()

    async def aclose(self) -> None:
        """End the spare one; those that were opened end with their timelines."""
        spare, self._spare = self._spare, None
        if spare is not None:
            with contextlib.suppress(OSError):
                await ended(await spare)


async def _started() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        # Its own group: a Ctrl-C at the terminal is for the workstation.
        start_new_session=True,
    )


async def ended(process: asyncio.subprocess.Process) -> None:
    """Close a loader's pipe, wait for it, and kill it if it does not go."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(GOODBYE_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
