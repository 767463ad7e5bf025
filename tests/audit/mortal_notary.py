"""A notary that is killed at a numbered step: the real one, in a process of its own, by SIGKILL.

A step is a moment before or after what reaches the disk, the witness or the store: fsync, link, rename and unlink of a
file, keeping a checkpoint, the witness' answer, the word to the store.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.audit.office import WITNESS, WITNESS_SEED, Office
from workstation.services.audit.cosigning import HttpCosigner
from workstation.services.audit.journal import Journal
from workstation.services.audit.notes import WITNESS_KEY, Signer
from workstation.services.audit.store import NotaryStore

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


class Far(NamedTuple):
    """A witness in another process."""

    url: str
    signer: Signer


class Steps:
    """Counts steps, writes them down, and is killed at one.

    Args:
        at: the number of the step, 0 for none.
        passed: a file that gets a line for each.
    """

    def __init__(self, at: int, passed: Path) -> None:
        self._at, self._passed, self._count = at, passed.open("a"), 0

    def stand(self) -> None:
        """Stand at every step of this process from now on."""
        for name in ("fsync", "link", "rename", "unlink"):
            setattr(os, name, self._around(name, getattr(os, name)))
        for owner, name in ((HttpCosigner, "cosign"), (NotaryStore, "tell"), (Journal, "keep"), (Journal, "append")):
            setattr(owner, name, self._around(name, getattr(owner, name)))

    def _around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **more: Any) -> Any:
            self._pass(f"before {name}")
            answer = call(*args, **more)
            self._pass(f"after {name}")
            return answer

        return watched

    def _pass(self, name: str) -> None:
        self._count += 1
        self._passed.write(f"{name}\n")
        self._passed.flush()
        if self._count == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


def _run(directory: Path, conninfo: str, url: str, at: int, passed: Path) -> None:
    office = Office(directory, conninfo, Far(url, Signer(WITNESS, WITNESS_SEED, WITNESS_KEY)))
    Steps(at, passed).stand()
    office.notary.checkpoint()
    os._exit(0)


def checkpoint(directory: Path, conninfo: str, url: str, passed: Path, at: int = 0) -> int:
    """Have a notary of this directory make a checkpoint; return the process' exit code, -9 when it was killed."""
    process = CONTEXT.Process(target=_run, args=(directory, conninfo, url, at, passed), daemon=True)
    process.start()
    process.join(30)
    code = process.exitcode
    process.close()
    assert code is not None
    return code
