"""Verify an audit away from the store: this one file, Python 3.11 and the package ``cryptography``.

    python offline.py export.ndjson --checkpoint FILE-OR-DIRECTORY --key FILE

``export.ndjson`` is what ``workstation audit export`` wrote; ``--checkpoint`` (repeatable) what the notary signed;
``--key`` the verifier keys that you were given by hand, never by the machine under suspicion. Exit code 1, and the
record where something is off. The online verifier uses these very functions: what they find does not depend on who
asks. One file, so that it can be read whole and carried to a machine that has nothing else; what a chain, a leaf, a
note and a key are stands in ``docs/audit.md``.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

#: Problems listed; a chain that was replaced whole would otherwise list every record.
MOST = 200
#: First line of an export and of a checkpoint.
EXPORT, CHECKPOINT = "workstation-audit-export-v1", "workstation-checkpoint-v1"
#: Signature types of C2SP signed-note: a log's own, and a witness' timestamped cosignature (tlog-cosignature).
LOG_KEY, WITNESS_KEY = 1, 4
#: Largest checkpoint that is looked at, bytes; a thousand chains have about 120 kB.
CHECKPOINT_MAX = 4 * 1024 * 1024
#: A note must be accepted with 16 signatures and may be refused with more than some limit (C2SP signed-note).
SIGNATURES_MAX = 64
#: Records from which the tables of acts are derived again.
ACTS = frozenset(
    b"request approve execute.claim execute.settle execute veto client.veto request.expire person.disable".split()
)

Heads = dict[str, tuple[int, str]]
Fields = Sequence[bytes | None]


class Refuted(Exception):
    """What was given proves nothing; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is off, and where; `seq` is 0 where it is about no single record."""

    chain: str
    seq: int
    what: str


# -- chains --------------------------------------------------------------------------------------------------------
def lp(fields: Iterable[str | None]) -> bytes:
    """Encode fields length-prefixed, the twin of ``wsd.lp``: no value imitates a separator, None is not ``""``."""
    return b"".join(_field(f if f is None else f.encode()) for f in fields)


def _field(raw: bytes | None) -> bytes:
    return b"-1:" if raw is None else b"%d:%b" % (len(raw), raw)


def genesis(chain: str) -> bytes:
    """Return the hash that a chain's first record points to."""
    return hashlib.sha256(lp(("genesis", chain))).digest()


class Walk:
    """Takes records in any order and tells what is off. Memory grows with the chains, not with the records.

    Records of one chain may come out of order (a table is not read in the order in which it was written): those that
    come too early wait until the ones before them have come.

    Args:
        anchors: (chain, seq, hash in hex, who says so), kept elsewhere.
        start: heads from which the walk goes on; chains that are not in it start at their genesis.
    """

    def __init__(self, anchors: Iterable[tuple[str, int, str, str]] = (), start: Heads | None = None) -> None:
        self.problems: list[Problem] = []
        self.events = 0
        self.acts: list[tuple[bytes | None, ...]] = []
        self._ends: dict[bytes, tuple[int, bytes]] = {
            chain.encode(): (seq, hash_.encode()) for chain, (seq, hash_) in (start or {}).items()
        }
        self._early: dict[bytes, dict[int, tuple[bytes, bytes]]] = {}
        self._anchors: dict[bytes, dict[int, list[tuple[bytes, str]]]] = {}
        for chain, seq, hash_, source in anchors:
            here = self._anchors.setdefault(chain.encode(), {}).setdefault(seq, [])
            if all(known != hash_.encode() for known, _ in here):
                here.append((hash_.encode(), source))

    @property
    def heads(self) -> Heads:
        """The last record of each chain: sequence and hash in hex."""
        return {chain.decode(): (seq, hash_.decode()) for chain, (seq, hash_) in sorted(self._ends.items())}

    def take(self, f: Fields) -> None:
        """Take one record.

        Args:
            f: the 13 hashed fields in their order, then the hash before and the own one in hex; all as UTF-8 bytes.
        """
        chain, number, previous, kept = f[0], f[1], f[13], f[14]
        assert chain is not None and number is not None and previous is not None and kept is not None
        seq = int(number)
        self.events += 1
        # not through _field(): thirteen calls a record would double the time of a million records
        content = b"".join([b"-1:" if x is None else b"%d:%b" % (len(x), x) for x in f[:13]])
        if hashlib.sha256(binascii.unhexlify(previous) + content).hexdigest().encode() != kept:
            self.add(chain.decode(), seq, "its content is not what was hashed")
        if f[9] in ACTS:
            self.acts.append(tuple(f))
        end = self._ends.get(chain)
        if end is None:
            end = self._ends[chain] = (0, genesis(chain.decode()).hex().encode())
        if seq == end[0] + 1:
            self._follow(chain, seq, previous, kept, end)
            if chain in self._early:
                self._catch_up(chain)
        elif seq <= end[0]:
            self.add(chain.decode(), seq, "is there twice")
        else:
            self._early.setdefault(chain, {})[seq] = (previous, kept)

    def _follow(self, chain: bytes, seq: int, previous: bytes, kept: bytes, end: tuple[int, bytes]) -> None:
        if seq != end[0] + 1:
            self.add(chain.decode(), seq, f"a gap: {end[0] + 1} was expected")
        elif previous != end[1]:
            self.add(chain.decode(), seq, "does not follow the record before it")
        self._ends[chain] = (seq, kept)
        if chain in self._anchors and seq in self._anchors[chain]:
            for hash_, source in self._anchors[chain].pop(seq):
                if hash_ != kept:
                    self.add(chain.decode(), seq, f"was rewritten since {source}")

    def _catch_up(self, chain: bytes) -> None:
        early = self._early[chain]
        while (seq := self._ends[chain][0] + 1) in early:
            self._follow(chain, seq, *early.pop(seq), self._ends[chain])
        if not early:
            del self._early[chain]

    def add(self, chain: str, seq: int, what: str) -> None:
        """Note a problem; the first :data:`MOST` are kept."""
        if len(self.problems) < MOST:
            self.problems.append(Problem(chain, seq, what))

    def end(self, said: Iterable[tuple[str, int, str]] | None = None) -> None:
        """Note what can be told only after the last record.

        Args:
            said: chain, seq and hash of the table of heads; None where it cannot be seen.
        """
        for chain, early in self._early.items():
            for seq in sorted(early):
                self._follow(chain, seq, *early[seq], self._ends[chain])
        self._early.clear()
        for chain, left in self._anchors.items():
            for seq, kept in left.items():
                self.add(chain.decode(), seq, f"is missing: it was there in {kept[0][1]}")
        if said is not None:
            self._compare({chain: (seq, hash_) for chain, seq, hash_ in said})
        self.problems.sort(key=lambda p: (p.chain, p.seq))

    def _compare(self, said: Heads) -> None:
        walked = self.heads
        for chain in sorted(walked.keys() | said.keys()):
            nothing = (0, genesis(chain).hex())
            there, head = walked.get(chain, nothing), said.get(chain, nothing)
            if there != head:
                self.add(chain, there[0], f"the head says record {head[0]}, the chain ends at {there[0]}")


# -- Merkle trees (RFC 6962, 2.1) ----------------------------------------------------------------------------------
def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: takes leaves, gives the root; memory is the logarithm of the size."""

    def __init__(self) -> None:
        self.size = 0
        self._whole: list[bytes] = []

    def add(self, hash_: bytes) -> None:
        """Take the hash of the next leaf."""
        size = self.size
        while size & 1:
            hash_ = node_hash(self._whole.pop(), hash_)
            size >>= 1
        self._whole.append(hash_)
        self.size += 1

    @property
    def root(self) -> bytes:
        """The root; of no leaves, the hash of nothing."""
        if not self._whole:
            return hashlib.sha256().digest()
        root = self._whole[-1]
        for left in reversed(self._whole[:-1]):
            root = node_hash(left, root)
        return root


def root_by(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162, 2.1.3.2).

    Args:
        index: the leaf's, from 0.
        size: of the tree.
        leaf: the leaf's hash.
        proof: the path, lowest first.

    Raises:
        Refuted: the path has not the length that index and size demand.
    """
    if not 0 <= index < size:
        raise Refuted("the leaf is not in the tree")
    last, at = size - 1, index
    for step in proof:
        if last == 0:
            raise Refuted("the proof is too long")
        if at & 1 or at == last:
            leaf = node_hash(step, leaf)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            leaf = node_hash(leaf, step)
        at, last = at >> 1, last >> 1
    if last:
        raise Refuted("the proof is too short")
    return leaf


# -- signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature) --------------------------------------------
@dataclass(frozen=True, slots=True)
class Key:
    """A verifier key, and the sizes of the tree for which it counts."""

    name: str
    kind: int
    public: bytes
    first: int = 0
    last: int | None = None

    @property
    def id(self) -> bytes:
        """Four bytes that name the key in a signature line."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        """Return the key as C2SP writes it: name+id+base64."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"


def parse_keys(text: str) -> list[Key]:
    """Read verifier keys, one a line, each with ``from SIZE`` and ``until SIZE`` where it counted for a time only.

    Raises:
        Refuted: a line is no key.
    """
    return [_key(line) for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]


def _key(line: str) -> Key:
    found = re.fullmatch(r"(\S+?)\+([0-9a-f]{8})\+(\S+)(?: from ([0-9]{1,18}))?(?: until ([0-9]{1,18}))?", line)
    try:
        raw = base64.b64decode(found[3], validate=True) if found else b""
    except binascii.Error:
        raw = b""
    if found is None or len(raw) != 33 or raw[0] not in (LOG_KEY, WITNESS_KEY):
        raise Refuted(f"this is no verifier key: {line[:100]!a}")
    key = Key(found[1], raw[0], raw[1:], int(found[4] or 0), int(found[5]) if found[5] else None)
    if key.id.hex() != found[2]:
        raise Refuted(f"the id of this verifier key is not right: {line[:100]!a}")
    return key


def open_note(note: str, keys: Iterable[Key], size: int | None = None) -> tuple[str, list[Key]]:
    """Return the text of a note and the keys that signed it. Signatures of unknown keys are ignored.

    Args:
        note: the whole.
        keys: those that are known.
        size: of the tree; keys that do not count for it are unknown.

    Raises:
        Refuted: it is no note, a known key's signature is wrong, or no known key signed it.
    """
    if re.search(r"[\x00-\x09\x0b-\x1f]", note) or "\n\n" not in note or not note.endswith("\n"):
        raise Refuted("this is no signed note")
    text, _, block = note.rpartition("\n\n")
    text, lines = text + "\n", block.splitlines()
    known = {(k.name, k.id): k for k in keys if size is None or k.first <= size <= (k.last or size)}
    signed: list[Key] = []
    if len(lines) > SIGNATURES_MAX:
        raise Refuted("the note has too many signatures")
    for line in lines:
        found = re.fullmatch("\u2014 (\\S+) (\\S+)", line)
        try:
            raw = base64.b64decode(found[2], validate=True) if found else b""
        except binascii.Error:
            raw = b""
        if found is None or len(raw) < 5:
            raise Refuted("the note has a malformed signature")
        key = known.get((found[1], raw[:4]))
        if key is not None and key not in signed:
            _check(key, raw[4:], text)
            signed.append(key)
    if not signed:
        raise Refuted("no known key signed it")
    return text, signed


def _check(key: Key, signature: bytes, text: str) -> None:
    """Raise Refuted unless `signature` is the key's over `text`; a witness also says when."""
    message = text.encode()
    if key.kind == WITNESS_KEY:
        if len(signature) != 72:
            raise Refuted(f"the signature of {key.name} is malformed")
        at, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        message = b"cosignature/v1\ntime %d\n" % at + message
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except InvalidSignature as error:
        raise Refuted(f"the signature of {key.name} is wrong") from error


def tree_head(text: str) -> tuple[str, int, bytes]:
    """Read the text of a checkpoint: origin, size, root (C2SP tlog-checkpoint). Raises Refuted."""
    lines = text.split("\n")
    if len(lines) < 4 or not all(lines[:-1]) or not re.fullmatch(r"0|[1-9][0-9]{0,17}", lines[1]):
        raise Refuted("this is no checkpoint")
    try:
        root = base64.b64decode(lines[2], validate=True)
    except binascii.Error:
        root = b""
    if len(root) != 32:
        raise Refuted("this is no checkpoint")
    return lines[0], int(lines[1]), root


# -- checkpoints ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the notary signed: where every chain stood. `leaf` is the tree's leaf number `size` - 1."""

    source: str
    origin: str
    size: int
    root: bytes
    made: str
    key: str
    heads: Heads
    leaf: bytes
    content: str
    signers: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()


def leaf_text(made: str, key: str, heads: Heads) -> str:
    """Return a leaf: when, how many records, by which key, and the head of every chain in the order of their bytes."""
    lines = [CHECKPOINT, f"made {made}", f"records {sum(seq for seq, _ in heads.values())}", f"key {key}"]
    lines += [f"head {quote(c, safe='')} {heads[c][0]} {heads[c][1]}" for c in sorted(heads, key=str.encode)]
    return "\n".join(lines) + "\n"


def parse_leaf(leaf: str) -> tuple[str, str, Heads]:
    """Read a leaf: made, key, heads. Raises Refuted where it is not exactly what was written."""
    lines = [*leaf.split("\n"), ""]
    rows = (re.fullmatch(r"head (\S+) ([1-9][0-9]{0,17}) ([0-9a-f]{64})", line) for line in lines[4:-2])
    heads = {unquote(row[1]): (int(row[2]), row[3]) for row in rows if row}
    made, key = lines[1].removeprefix("made "), "".join(lines[3:4]).removeprefix("key ")
    if leaf_text(made, key, heads) != leaf:
        raise Refuted("this is no checkpoint of this program")
    return made, key, heads


def open_checkpoint(content: str, keys: Sequence[Key], source: str) -> Checkpoint:
    """Verify a checkpoint's signatures and that its heads are what was signed.

    Args:
        content: the file; line ends of a mail are mended.
        keys: those that are trusted.
        source: what the file is called in sentences.

    Raises:
        Refuted: it proves nothing.
    """
    content = content.replace("\r\n", "\n").strip("\n") + "\n"
    top, _, note = content.partition("\n\n")
    origin, size, root = tree_head(note.rpartition("\n\n")[0] + "\n")
    head, _, path = top.rpartition("\n")
    leaf = head + "\n"
    made, by, heads = parse_leaf(leaf)
    _, signed = open_note(note, keys, size)
    signers = tuple(str(k) for k in signed if k.kind == LOG_KEY)
    if by not in signers:
        raise Refuted("it is not signed by the key that its leaf names")
    if root_by(size - 1, size, leaf_hash(leaf.encode()), _proof(path)) != root:
        raise Refuted("its heads are not those that were signed")
    witnesses = tuple(sorted({k.name for k in signed if k.kind == WITNESS_KEY}))
    return Checkpoint(source, origin, size, root, made, by, heads, leaf.encode(), content, signers, witnesses)


def _proof(line: str) -> list[bytes]:
    try:
        return [base64.b64decode(word, validate=True) for word in line.removeprefix("proof").split()]
    except binascii.Error as error:
        raise Refuted("its proof is malformed") from error


def load(paths: Iterable[Path], keys: Sequence[Key], need: int | None = None) -> tuple[list[Checkpoint], list[Problem]]:
    """Verify checkpoints of files and of whole directories, each by itself and all of them together.

    Args:
        paths: files and directories.
        keys: those that are trusted.
        need: how many witnesses must have signed; by default one where a witness' key is among `keys`.

    Raises:
        OSError: a file cannot be read.
    """
    found: list[Checkpoint] = []
    off: list[Problem] = []
    for path in paths:
        for file in sorted(path.rglob("*.checkpoint")) if path.is_dir() else [path]:
            try:
                if file.stat().st_size > CHECKPOINT_MAX:
                    raise Refuted("it is too large")
                found.append(open_checkpoint(file.read_text("utf-8"), keys, file.name))
            except (Refuted, UnicodeDecodeError) as error:
                off.append(Problem("checkpoint", 0, f"{file.name} proves nothing: {error}"))
    found.sort(key=lambda c: (c.origin, c.size))
    wanted = int(any(k.kind == WITNESS_KEY for k in keys)) if need is None else need
    return found, [*off, *together(found), *_unwitnessed(found, wanted)]


def _unwitnessed(found: Sequence[Checkpoint], wanted: int) -> Iterator[Problem]:
    """Yield what too few witnesses signed. What goes on without a hole to one that enough signed is covered by that."""
    for origin in sorted({c.origin for c in found}):
        mine = {c.size: c for c in found if c.origin == origin}
        whole = next(size for size in range(len(mine) + 1) if size + 1 not in mine)
        covered = max((s for s, c in mine.items() if s <= whole and len(c.witnesses) >= wanted), default=0)
        for size, one in sorted(mine.items()):
            if size > covered and len(one.witnesses) < wanted:
                said = f"{len(one.witnesses)} of {wanted} witnesses signed {one.source}"
                yield Problem("checkpoint", size, said)


def together(found: Sequence[Checkpoint]) -> Iterator[Problem]:
    """Yield where signed checkpoints contradict each other: their signer, or who has the key, has lied.

    Args:
        found: of one or more logs, ordered by origin and size.
    """
    tree, whole = Frontier(), True
    for before, here in zip((None, *found), found, strict=False):
        if before is None or before.origin != here.origin:
            tree, whole, before = Frontier(), True, None
        elif before.size == here.size:
            if before.root != here.root:
                yield Problem("checkpoint", here.size, f"two roots of one size: {before.source} and {here.source}")
            continue
        whole = whole and here.size == tree.size + 1
        if whole:
            tree.add(leaf_hash(here.leaf))
            if tree.root != here.root:
                yield Problem("checkpoint", here.size, f"{here.source} is not in one tree with those before it")
        if before is not None:
            yield from _after(before, here)


def _after(before: Checkpoint, here: Checkpoint) -> Iterator[Problem]:
    if here.size == before.size + 1 and here.key != before.key and before.key not in here.signers:
        yield Problem("checkpoint", here.size, f"{here.source} has a new key without the word of the one before")
    for chain, (seq, hash_) in before.heads.items():
        now = here.heads.get(chain, (0, ""))
        if now[0] < seq:
            yield Problem(chain, seq, f"{here.source} winds it back to {now[0]}: {before.source} knew more")
        elif now[0] == seq and now[1] != hash_:
            yield Problem(chain, seq, f"{before.source} and {here.source} know two hashes of it")


def anchors(found: Iterable[Checkpoint]) -> Iterator[tuple[str, int, str, str]]:
    """Yield what a walk compares: chain, record, hash, and which checkpoint says so."""
    for one in found:
        for chain, (seq, hash_) in one.heads.items():
            yield chain, seq, hash_, f"checkpoint {one.size}"


# -- acts: the tables of requests, approvals and executions, derived again from the records ------------------------
#: Columns as texts; of a request, the first sixteen in the order in which they are hashed (``wsd.request_hash``).
REQUEST = (
    *("id", "case_id", "act", "account_id", "params", "reason_code", "reason_text", "requester", "account_etag"),
    *("evidence_hash", "approve_by", "not_before", "policy", "approvals", "vetoable_until", "break_glass"),
    *("request_hash", "requester_person", "state"),
)
APPROVAL = ("request_id", "request_hash", "requester_person", "approver", "approver_person")
EXECUTION = ("request_id", "claimed_by", "etag_before", "outcome", "reference", "etag_after", "readback")
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """A record about an act."""

    chain: str
    seq: int
    person: str
    outcome: str
    payload: dict[str, Any]


class Acts:
    """Derives the tables of acts from the records of a walk.

    Args:
        records: :attr:`Walk.acts`.
    """

    def __init__(self, records: Iterable[Fields]) -> None:
        self._told: dict[tuple[str, str], list[Told]] = {}
        for f in records:
            chain, number, person, event, outcome, subject, payload = (
                "" if f[i] is None else bytes(f[i] or b"").decode() for i in (0, 1, 4, 9, 10, 11, 12)
            )
            try:
                said = json.loads(payload)
            except ValueError:
                said = {}  # its content was found changed already
            told = Told(chain, int(number), person, outcome, said if isinstance(said, dict) else {})
            self._told.setdefault((event, subject), []).append(told)
        for found in self._told.values():
            found.sort(key=lambda t: t.seq)

    def problems(
        self, requests: Sequence[Row], approvals: Sequence[Row], executions: Sequence[Row]
    ) -> Iterator[Problem]:
        """Yield each row that the records do not tell, and each record whose row is gone."""
        for row in requests:
            yield from self._request(row)
        for row in approvals:
            yield from self._approval(row)
        for row in executions:
            yield from self._execution(row)
        rows = {("request", r["id"], r["requester"]) for r in requests}
        rows |= {("approve", r["request_id"], r["approver"]) for r in approvals}
        rows |= {("execute.claim", r["request_id"], r["claimed_by"]) for r in executions}
        for (event, subject), found in self._told.items():
            for t in found:
                kind = event in ("request", "approve", "execute.claim") and t.outcome == "ok"
                if kind and (event, subject, t.chain) not in rows:
                    yield Problem(t.chain, t.seq, f"tells of a row that is gone: {event} {subject}")

    def _find(self, event: str, subject: str, chain: str | None = None) -> list[Told]:
        return [t for t in self._told.get((event, subject), []) if chain in (None, t.chain)]

    def _request(self, row: Row) -> Iterator[Problem]:
        by, subject = row["requester"], row["id"]
        told = [t for t in self._find("request", subject, by) if t.payload.get("hash") == row["request_hash"]]
        if not told:
            yield Problem(by, 0, f"a request without its record: {subject}")
            return
        content = lp(("ws-request-v2", *(row[name] for name in REQUEST[:16])))
        if hashlib.sha256(content).hexdigest() != row["request_hash"]:
            yield Problem(by, told[0].seq, f"a request that is not what was hashed: {subject}")
        if told[0].person != row["requester_person"]:
            yield Problem(by, told[0].seq, f"a request under another person: {subject}")
        if not self._state_is_told(row):
            yield Problem(by, told[0].seq, f"a request in a state that nothing tells, {row['state']}: {subject}")

    def _state_is_told(self, row: Row) -> bool:
        subject, state = row["id"], row["state"]
        if settled := self._find("execute.settle", subject):
            return state == settled[-1].outcome
        if self._find("execute.claim", subject):
            return state == "executing"
        ended = {
            "pending": True,
            "vetoed": any(self._find(event, subject) for event in ("veto", "client.veto"))
            or bool(self._find("person.disable", row["requester"])),
            "expired": bool(self._find("request.expire", subject)),
            "refused": any(t.outcome == "denied" for t in self._find("execute", subject)),
        }
        return ended.get(state, False)

    def _approval(self, row: Row) -> Iterator[Problem]:
        by, subject = row["approver"], row["request_id"]
        told = [t for t in self._find("approve", subject, by) if t.payload.get("hash") == row["request_hash"]]
        if not any(t.outcome == "ok" for t in told):
            yield Problem(by, 0, f"an approval without its record: {subject}")
        elif told[0].person != row["approver_person"]:
            yield Problem(by, told[0].seq, f"an approval under another person: {subject}")

    def _execution(self, row: Row) -> Iterator[Problem]:
        by, subject = row["claimed_by"], row["request_id"]
        claims, settled = self._find("execute.claim", subject, by), self._find("execute.settle", subject, by)
        if not claims:
            yield Problem(by, 0, f"an execution without its record: {subject}")
        elif (claims[0].payload.get("etag") or "") != row["etag_before"]:
            yield Problem(by, claims[0].seq, f"an execution at another version than was told: {subject}")
        if not row["outcome"]:
            return
        said = {name: str(settled[-1].payload.get(key) or "") for name, key in _SETTLED} if settled else {}
        if not settled or settled[-1].outcome != row["outcome"]:
            yield Problem(by, 0, f"an outcome without its record: {subject}")
        elif said != {name: row[name] for name, _ in _SETTLED}:
            yield Problem(by, settled[-1].seq, f"an outcome that is not what was told: {subject}")


_SETTLED = (("reference", "reference"), ("etag_after", "etag"), ("readback", "readback"))


# -- the command ---------------------------------------------------------------------------------------------------
def read_export(lines: Iterable[bytes], walk: Walk, tick: Callable[[int], None]) -> dict[str, list[Row]]:
    """Walk an export; return its tables.

    Raises:
        Refuted: it is no export, or was cut off.
    """
    tables: dict[str, list[Row]] = {"audit_head": [], "request": [], "approval": [], "execution": []}
    end: int | None = None
    for number, line in enumerate(lines):
        try:
            row = json.loads(line)
            if number == 0 and row.get("export") != EXPORT:
                raise Refuted("this is no export of an audit")
            if isinstance(row, list):
                walk.take([None if x is None else x.encode() for x in row])
                if not walk.events % 50_000:
                    tick(walk.events)
            elif "table" in row:
                tables[row["table"]].append(row)
            elif "end" in row:
                end = row["end"]
        except (ValueError, KeyError, IndexError, AttributeError, AssertionError) as error:
            raise Refuted(f"line {number + 1} of the export cannot be read") from error
    if end != walk.events:
        raise Refuted("the export was cut off")
    return tables


def verify_export(file: Path, found: Sequence[Checkpoint], tick: Callable[[int], None] = lambda done: None) -> Walk:
    """Verify an export beside checkpoints. Raises Refuted, OSError."""
    walk = Walk(anchors(found))
    with file.open("rb") as lines:
        tables = read_export(lines, walk, tick)
    walk.end((row["chain"], int(row["seq"]), row["hash"]) for row in tables["audit_head"])
    for problem in Acts(walk.acts).problems(tables["request"], tables["approval"], tables["execution"]):
        walk.add(problem.chain, problem.seq, problem.what)
    return walk


def plain(text: str) -> str:
    """Return `text` without anything that a terminal would obey."""
    return "".join(c if c.isprintable() and c.isascii() else ascii(c)[1:-1] for c in text)


def main(argv: Sequence[str] | None = None) -> int:
    """Verify what the command line names; return 0 where everything follows, 1 where something is off."""
    parser = argparse.ArgumentParser(description="Verify an export of the audit away from the store.")
    parser.add_argument("export", type=Path)
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], metavar="F", help="file or directory")
    parser.add_argument("--key", type=Path, metavar="K", help="file of verifier keys, one a line")
    parser.add_argument("--witnesses", type=int, metavar="N", help="how many witnesses must have signed")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    if args.checkpoint and args.key is None:
        parser.error("--checkpoint needs --key: the keys that you were given by hand")
    try:
        keys = parse_keys(args.key.read_text("utf-8")) if args.key else []
        found, off = load(args.checkpoint, keys, args.witnesses)
        walk = verify_export(args.export, found, _tick)
    except (Refuted, OSError) as error:
        print(f"\u2717 {plain(str(error))}", file=sys.stderr)
        return 1
    problems = off + walk.problems
    if args.json:
        heads = {chain: list(head) for chain, head in walk.heads.items()}
        print(json.dumps({"events": walk.events, "problems": [asdict(p) for p in problems], "heads": heads}))
    else:
        _say(walk, found, problems)
    return 1 if problems else 0


def _tick(done: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done:,} records", end="", file=sys.stderr, flush=True)


def _say(walk: Walk, found: Sequence[Checkpoint], problems: Sequence[Problem]) -> None:
    for p in problems:
        print(f"\u2717 {plain(p.chain)} record {p.seq}: {plain(p.what)}")
    for c in found:
        by = ", ".join(c.witnesses) or "no witness"
        print(f"  checkpoint {c.size} of {plain(c.origin)}, made {c.made} UTC, co-signed by {plain(by)}")
    if not found:
        print("! Without a signed checkpoint, a chain that was cut or recomputed whole is not found.")
    verdict = f"{len(problems)} problems" if problems else "everything follows"
    print(f"{walk.events:,} records in {len(walk.heads)} chains: {verdict}.")


if __name__ == "__main__":
    sys.exit(main())
