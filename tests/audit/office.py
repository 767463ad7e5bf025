"""A notary's office: its disk, two sinks, a witness behind a real socket, all over a real store."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

from workstation.services.audit.cosigning import HttpCosigner
from workstation.services.audit.journal import Journal
from workstation.services.audit.notary import Notary
from workstation.services.audit.notes import WITNESS_KEY, Signer
from workstation.services.audit.offline import Checkpoint, Key, load
from workstation.services.audit.sinks import DirectorySink
from workstation.services.audit.store import NotaryStore
from workstation.services.audit.witness import Witness, server
from workstation.services.clock import SystemClock
from workstation.settings import WitnessPlace

ORIGIN, WITNESS = "exchange.example/audit", "witness.example/w1"
SEED, NEXT_SEED, WITNESS_SEED = b"n" * 32, b"m" * 32, b"w" * 32


class Desk:
    """A witness that listens at a socket until it is closed.

    Args:
        directory: the witness' own.
        logs: whose checkpoints it knows.
    """

    def __init__(self, directory: Path, logs: list[Key]) -> None:
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.signer = Signer(WITNESS, WITNESS_SEED, WITNESS_KEY)
        self.witness = Witness(
            self.signer, logs, directory, SystemClock(), lambda event, **more: self.log.append((event, more))
        )
        # a socket's path ends at 107 bytes, and a test's directory may be longer
        self._short = Path(tempfile.mkdtemp(prefix="ws-w-"))
        self.url = f"unix:{self._short / 's'}"
        self._http = server(self.witness, self.url)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        if not self._thread.is_alive():
            return
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self.witness.close()
        shutil.rmtree(self._short)


class Office:
    """A notary that can be closed and opened again, as after a crash.

    Args:
        directory: holds its disk and its sinks.
        conninfo: of ws_notary.
        witness: who co-signs, None for nobody.
        seeds: the private keys; two at a rotation.
    """

    def __init__(
        self, directory: Path, conninfo: str, witness: Desk | None = None, seeds: tuple[bytes, ...] = (SEED,)
    ) -> None:
        self.directory = directory
        self.said: list[str] = []
        self.signers = [Signer(ORIGIN, seed) for seed in seeds]
        self.journal = Journal(directory / "state")
        self.store = NotaryStore(conninfo)
        self.sinks = [DirectorySink(directory / name) for name in ("worm", "auditor")]
        places = [WitnessPlace(url=witness.url, key=str(witness.signer.key))] if witness else []
        self.cosigners = [
            HttpCosigner(place, witness.signer.key, self.note, SystemClock(), 0.0) for place in places if witness
        ]
        self.notary = Notary(
            self.journal, self.signers, self.store, self.sinks, self.cosigners, SystemClock(), self.note
        )
        self.keys = [s.key for s in self.signers] + ([witness.signer.key] if witness else [])

    def note(self, event: str, **more: Any) -> None:
        self.said.append(event)

    def files(self, sink: str = "worm") -> list[Path]:
        return sorted((self.directory / sink).rglob("*.checkpoint"))

    def last(self) -> list[Checkpoint]:
        """Return the last checkpoint, verified as an auditor would."""
        found, problems = load(self.files()[-1:], self.keys)
        assert problems == []
        return found

    def close(self) -> None:
        self.journal.close()
        self.store.close()
