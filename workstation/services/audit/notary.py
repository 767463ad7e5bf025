"""The notary's core: where the chains stand becomes a leaf, a leaf a signed checkpoint, and that goes to every sink.

Two promises, whatever breaks and whenever it is killed:

* **Never two words for one size.** A leaf is on the disk before it is signed; the signed text follows from the leaves;
  the checkpoint with its witnesses' words is on the disk before it goes anywhere; sinks write once.
* **Never a word for a history that is not the one before, grown.** Every record since the last checkpoint is hashed
  again, and the records that the last one named are looked at; where one is missing or rewritten there is an alarm.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from workstation.services.audit.cosigning import Cosigner
from workstation.services.audit.journal import Journal
from workstation.services.audit.notes import Signer, tree_head
from workstation.services.audit.offline import CHECKPOINT, Heads, Problem, leaf_text
from workstation.services.audit.sinks import Forked, Sink
from workstation.services.clock import Clock
from workstation.services.daemon import Log
from workstation.services.errors import Invalid

#: Seconds, and records, after which there is a checkpoint (docs/audit.md, "When").
EVERY_S, EVERY_RECORDS = 300.0, 1_000
#: The notary's own chain moves with every checkpoint and asks for none.
OWN_CHAIN = "ws_notary"


class Look(msgspec.Struct, frozen=True):
    """How far the chains are, without the notary's own, and which elevations of late are over."""

    records: int
    over: frozenset[str]


class History(Protocol):
    """The store, as the notary needs it. Every method raises StoreError where it cannot be asked."""

    def grown(self, known: Heads) -> tuple[Heads, list[Problem]]:
        """Walk what is new since `known`; return the heads now, and what is off."""
        ...

    def told(self, origin: str) -> int:
        """Return the largest size that the store was told of."""
        ...

    def tell(self, checkpoint: Signed) -> None:
        """Tell the store of a checkpoint; again is no error. Raises Forked where it knows another of this size."""
        ...


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint as it goes out."""

    origin: str
    size: int
    root: bytes
    made: datetime
    records: int
    witnesses: int
    content: str


class Pace:
    """When there is a checkpoint: after a time, after a number of records, and when an elevation has ended.

    Args:
        clock: measures the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = float("-inf")
        self._records: int | None = None
        self._over: frozenset[str] = frozenset()
        self._ended = False

    def due(self, look: Look) -> bool:
        """Return whether it is time. Nothing is due where nothing moved; a history that shrank is due at once."""
        self._ended |= bool(look.over - self._over)
        self._over = look.over
        if self._records is None:
            return True
        new = look.records - self._records
        waited = self._clock.monotonic() - self._at >= EVERY_S
        return new < 0 or new >= EVERY_RECORDS or (new > 0 and (self._ended or waited))

    def done(self, look: Look) -> None:
        """Take note that there was one."""
        self._at, self._records, self._ended = self._clock.monotonic(), look.records, False


class Notary:
    """One log of checkpoints.

    Args:
        journal: its own disk.
        signers: its key; at a rotation, the old one and the new one.
        history: the store.
        sinks: where checkpoints go.
        cosigners: the witnesses.
        clock: dates the checkpoints.
        log: called with a word and fields.
    """

    def __init__(
        self,
        journal: Journal,
        signers: Sequence[Signer],
        history: History,
        sinks: Sequence[Sink],
        cosigners: Sequence[Cosigner],
        clock: Clock,
        log: Log,
    ) -> None:
        self._journal = journal
        self._signers = {str(s.key): s for s in signers}
        self._key = str(signers[-1].key)
        self._origin = signers[-1].key.name
        self._history = history
        self._sinks = sinks
        self._cosigners = cosigners
        self._clock = clock
        self._log = log
        self._settled = False

    def checkpoint(self, *, even_if_still: bool = False) -> Signed | None:
        """Make and hand out the next checkpoint; first the last one, where a crash kept it from going out.

        Args:
            even_if_still: also where no chain moved but the notary's own.

        Returns:
            What went out; None where there was nothing new.

        Raises:
            Forked: history is not what was signed; nothing was signed.
            StoreError, OSError: the store or a sink cannot be used now; the next call goes on where this one stopped.
            Invalid: the key is not the one that the log names.
        """
        self.settle()
        heads, problems = self._history.grown(self._journal.heads)
        if problems:
            worst = "; ".join(f"{p.chain} record {p.seq} {p.what}" for p in problems[:3])
            raise Forked(
                f"The audit is not what was signed: {worst}.", "See docs/audit.md, “When the notary does not sign”."
            )
        if not even_if_still and _others(heads) == _others(self._journal.heads):
            return None
        self._check_key()
        made = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")
        self._settled = False
        self._journal.append(leaf_text(made, self._key, heads))
        return self.settle()

    def settle(self) -> Signed | None:
        """Bring the last leaf to where it belongs, unless it is there. Raises as :meth:`checkpoint`."""
        if self._settled:
            return None
        size = self._journal.size
        self._nobody_knows_more()
        if not size:
            self._settled = True
            return None
        content = self._journal.last()
        if content is None:
            content = self._signed()
            self._journal.keep(content)
        for sink in self._sinks:
            sink.put(size, content)
        signed = _as_signed(self._origin, size, self._journal, content)
        self._history.tell(signed)
        self._settled = True
        return signed

    def _nobody_knows_more(self) -> None:
        """Refuse to begin again on a disk that lost what was signed."""
        size = self._journal.size
        known = {sink.name: sink.largest() for sink in self._sinks}
        known["the store"] = self._history.told(self._origin)
        for name, largest in known.items():
            if largest > size:
                raise Forked(
                    f"The notary's disk knows {size} checkpoints, {name} knows {largest}.",
                    "Make the disk again: `workstation notary --rebuild DIRECTORY`.",
                )

    def _check_key(self) -> None:
        last = self._journal.key
        if last and last != self._key and last not in self._signers:
            raise Invalid(
                "The notary's key is not the one that the log names.",
                "A key is changed by `workstation notary --rotate` only (docs/audit.md).",
            )

    def _signed(self) -> str:
        """Sign the last leaf by the key that it names and, where that is new, by the one before; ask the witnesses."""
        journal = self._journal
        wanted = list(dict.fromkeys(key for key in (journal.key_before, journal.key) if key))
        if missing := [key for key in wanted if key not in self._signers]:
            raise Invalid(
                f"The last leaf has to be signed by {missing[0]}, too.",
                "Finish the rotation: `workstation notary --rotate` (docs/audit.md).",
            )
        text = tree_head(self._origin, journal.size, journal.tree.root())
        signatures = "".join(self._signers[key].sign(text) for key in wanted)
        for cosigner in self._cosigners:
            signatures += cosigner.cosign(text + "\n" + signatures, journal.tree) or ""
        path = [base64.b64encode(step).decode() for step in journal.tree.inclusion(journal.size - 1)]
        return f"{journal.leaf}{' '.join(['proof', *path])}\n\n{text}\n{signatures}"


def _others(heads: Heads) -> Heads:
    return {chain: head for chain, head in heads.items() if chain != OWN_CHAIN}


def _as_signed(origin: str, size: int, journal: Journal, content: str) -> Signed:
    made = content.removeprefix(f"{CHECKPOINT}\nmade ").partition("\n")[0]
    return Signed(
        origin=origin,
        size=size,
        root=journal.tree.root(),
        made=datetime.fromisoformat(f"{made}+00:00"),
        records=sum(seq for seq, _ in journal.heads.values()),
        # Every line that is not of this log's own key is a witness'.
        witnesses=sum(not line.startswith(f"\u2014 {origin} ") for line in content.rpartition("\n\n")[2].splitlines()),
        content=content,
    )
