"""What the notary keeps on its own disk: every leaf of its tree, and the last checkpoint as it went out.

``journal.ndjson`` has one line a leaf. A leaf is on the disk before anything about it is signed, and what is signed
follows from the leaves alone: whenever the notary is killed, it comes back to the same words for the same size.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from workstation.services.audit import disk
from workstation.services.audit.merkle import Tree
from workstation.services.audit.offline import Heads, Refuted, parse_leaf, tree_head
from workstation.services.errors import Invalid

JOURNAL, LAST, LOCK = "journal.ndjson", "last.checkpoint", "lock"
_REBUILD = "Make it again from what was kept elsewhere: `workstation notary --rebuild DIRECTORY`."


class Journal:
    """Held by one process at a time.

    Args:
        directory: the notary's own; made where it is missing.

    Raises:
        Invalid: another notary holds it, or its content is damaged.
        OSError: the disk says no.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = disk.private(directory)
        self._lock = disk.lock(directory / LOCK, "notary")
        self.tree = Tree()
        self.leaf = ""
        self.heads: Heads = {}
        #: The keys that the last leaf and the one before it name; empty where there is none.
        self.key, self.key_before = "", ""
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    @property
    def size(self) -> int:
        """The number of checkpoints."""
        return self.tree.size

    def append(self, leaf: str) -> None:
        """Put the next leaf on the disk. Raises Refuted where it is none, OSError."""
        _, key, heads = parse_leaf(leaf)
        with (self._directory / JOURNAL).open("ab") as file:
            file.write(msgspec.json.encode(leaf) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._take(leaf, key, heads)

    def last(self) -> str | None:
        """Return the last checkpoint as it went out, or is to go out; None where the last leaf has none yet.

        Raises:
            Invalid: what is there was not made from these leaves.
        """
        try:
            content = (self._directory / LAST).read_text("utf-8")
        except FileNotFoundError:
            return None
        try:
            _, size, root = tree_head(content.partition("\n\n")[2].rpartition("\n\n")[0] + "\n")
        except Refuted as error:
            raise Invalid(f"{LAST} in {self._directory} is damaged.", _REBUILD) from error
        if size > self.size or self.tree.root(size) != root:
            raise Invalid(f"{JOURNAL} in {self._directory} is not what was signed.", _REBUILD)
        return content if size == self.size else None

    def keep(self, content: str) -> None:
        """Put a checkpoint on the disk before it goes anywhere: its witnesses' words are not had twice alike."""
        disk.replace(self._directory / LAST, content.encode())

    def close(self) -> None:
        """Let go of it."""
        self._lock.close()

    def _take(self, leaf: str, key: str, heads: Heads) -> None:
        self.tree.add(leaf.encode())
        self.key_before, self.key = self.key, key
        self.leaf, self.heads = leaf, heads

    def _read(self) -> None:
        path = self._directory / JOURNAL
        whole = 0
        if not path.exists():
            path.touch(mode=0o600)
            disk.sync(self._directory)
        with path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # cut off by a crash: nothing was signed about it
                try:
                    leaf = msgspec.json.decode(line, type=str)
                    _, key, heads = parse_leaf(leaf)
                except (msgspec.DecodeError, Refuted) as error:
                    raise Invalid(f"{path} is damaged at leaf {self.size}.", _REBUILD) from error
                self._take(leaf, key, heads)
                whole += len(line)
        os.truncate(path, whole)
