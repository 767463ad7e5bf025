"""Asking a witness for its word, by C2SP tlog-witness: ``POST add-checkpoint``."""

from __future__ import annotations

import base64
import re
import time
from typing import Protocol

import httpx

from workstation.services.audit.merkle import Tree
from workstation.services.audit.offline import Key, Refuted, open_note
from workstation.services.audit.sinks import Forked
from workstation.services.clock import Clock
from workstation.services.connectors.endpoint import Endpoint, checked_base, tls
from workstation.services.daemon import Log
from workstation.services.text import clean
from workstation.settings import WitnessPlace

#: Seconds for a witness. A checkpoint goes out without its word when it does not answer; the next one makes up for it.
DEADLINE_S = 5.0
#: Seconds between two tries.
AGAIN_S = 0.2
#: Bytes of an answer that are read.
_ANSWER_MAX = 64 * 1024


class Cosigner(Protocol):
    """A witness that can be asked."""

    def cosign(self, note: str, tree: Tree) -> str | None:
        """Return its signature lines over a signed checkpoint of `tree`; None where it does not answer.

        Raises:
            Forked: it knows another history.
        """
        ...


class HttpCosigner:
    """A witness over HTTP.

    Args:
        place: its address and verifier key.
        key: the same key, parsed.
        log: called with a word and fields.
        clock: measures the patience.
        patience_s: how long one that does not listen is asked again; both may have been started at once.

    Raises:
        Invalid: the address is none that may be used.
    """

    def __init__(self, place: WitnessPlace, key: Key, log: Log, clock: Clock, patience_s: float = DEADLINE_S) -> None:
        self.key = key
        self._clock, self._patience_s = clock, patience_s
        #: '' where the last answer was right; else what was wrong.
        self.trouble = "was not asked yet"
        self._log = log
        self._old = 0
        base = "http://witness"
        if place.url.startswith("unix:"):
            transport = httpx.HTTPTransport(uds=place.url.removeprefix("unix:"))
        else:
            base = checked_base(Endpoint(name=f"the witness {key.name}", url=place.url, ca_file=place.ca_file))
            transport = httpx.HTTPTransport(verify=tls(place.ca_file, base))
        self._http = httpx.Client(
            base_url=base, transport=transport, timeout=DEADLINE_S, follow_redirects=False, trust_env=False
        )

    def cosign(self, note: str, tree: Tree) -> str | None:
        """Ask; where the witness stands elsewhere than we thought, ask again from there. Raises Forked."""
        try:
            status, body = self._ask(note, tree)
            if status == 409:
                self._old = self._size(body, tree)
                status, body = self._ask(note, tree)
            if status == 422:
                raise Forked(
                    f"The witness {self.key.name} signed another history than this one.",
                    "Keep what it answers at /…/checkpoint: one of the two was changed.",
                )
            lines = self._lines(status, body, note)
        except (httpx.HTTPError, OSError) as error:
            self._failed(f"does not answer ({type(error).__name__})")
            return None
        except Refuted as error:
            self._failed(str(error))
            return None
        self._old, self.trouble = tree.size, ""
        return lines

    def _ask(self, note: str, tree: Tree) -> tuple[int, str]:
        proof = "".join(base64.b64encode(step).decode() + "\n" for step in tree.consistency(self._old))
        body = f"old {self._old}\n{proof}\n{note}".encode()
        until = self._clock.monotonic() + self._patience_s
        while True:
            try:
                return self._post(body)
            except httpx.ConnectError:
                if self._clock.monotonic() >= until:
                    raise
            time.sleep(AGAIN_S)

    def _post(self, body: bytes) -> tuple[int, str]:
        with self._http.stream("POST", "/add-checkpoint", content=body) as answer:
            got = b""
            for chunk in answer.iter_bytes():
                got += chunk
                if len(got) > _ANSWER_MAX:
                    raise Refuted("answers too much")
        return answer.status_code, got.decode("utf-8", "replace")

    def _size(self, body: str, tree: Tree) -> int:
        if not re.fullmatch(r"(0|[1-9][0-9]{0,17})\n", body):
            raise Refuted("names no size")
        size = int(body)
        if size > tree.size:
            raise Forked(
                f"The witness {self.key.name} has signed {size} checkpoints, the notary's disk knows {tree.size}.",
                "Make the disk again: `workstation notary --rebuild DIRECTORY`.",
            )
        return size

    def _lines(self, status: int, body: str, note: str) -> str:
        if status != 200:
            raise Refuted(f"answers {status} {clean(body[:100])}".strip())
        open_note(note + body, [self.key])
        # Only its own word is taken over, whatever else it sent.
        return "".join(line + "\n" for line in body.splitlines() if line.startswith(f"\u2014 {self.key.name} "))

    def _failed(self, why: str) -> None:
        if why != self.trouble:
            self._log("witness.trouble", witness=self.key.name, why=why)
        self.trouble = why
